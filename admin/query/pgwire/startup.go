package pgwire

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/perdure/perdure/admin/query"
	"github.com/perdure/perdure/admin/query/plan"
	"github.com/perdure/perdure/admin/query/sql"
)

const (
	maxAuthMessage = 16 << 10 // bytes
	maxMessage     = 8 << 20  // bytes, once a client is known
)

// newSession makes a session of a startup packet; nil if the client is refused.
func (s *Server) newSession(conn net.Conn, packet []byte, encrypted bool) (*session, error) {
	c := &session{
		server: s, conn: conn, tx: txIdle, row: make([]byte, 0, 1024),
		statements: map[string]*statement{}, portals: map[string]*portal{},
	}
	c.ctx, c.leave = context.WithCancelCause(s.ctx)
	c.in = newInbound(conn, func(err error) { c.leave(errLeft) })
	c.backend = pgproto3.NewBackend(c.in, conn)
	c.backend.SetMaxBodyLen(maxAuthMessage)
	if err := c.admit(packet, encrypted); err != nil {
		defer c.end()
		var refused *sql.Error
		if !errors.As(err, &refused) {
			return nil, err
		}
		c.backend.Send(response(refused, "FATAL", "", 0))
		return nil, c.flush()
	}
	return c, nil
}

// admit takes a client in: who it is, what it wants, what it has to know.
func (c *session) admit(packet []byte, encrypted bool) error {
	version := binary.BigEndian.Uint32(packet)
	if version>>16 != 3 {
		return protocolError("version %d.%d of the protocol is not supported", version>>16, version&0xffff)
	}
	known := uint32(pgproto3.ProtocolVersion30)
	if version >= pgproto3.ProtocolVersion32 {
		known = pgproto3.ProtocolVersion32
	}
	binary.BigEndian.PutUint32(packet, known)
	var start pgproto3.StartupMessage
	if err := start.Decode(packet); err != nil {
		return protocolError("the startup packet cannot be read: %v", err)
	}
	if err := c.negotiate(version, known, start.Parameters); err != nil {
		return err
	}
	if c.server.cfg.RequireTLS && !encrypted {
		return sql.Errorf(stateNotAuthorized, -1, "connections must be encrypted").With("use sslmode=require")
	}
	user := start.Parameters["user"]
	if user == "" {
		return sql.Errorf(stateNotAuthorized, -1, "the startup packet names no user")
	}
	if err := c.authenticate(user); err != nil {
		return err
	}
	if name := start.Parameters["database"]; name != "" && name != user && name != plan.Catalog {
		return sql.Errorf(stateNoDatabase, -1, "there is no database %q", name).
			With("there is one, %s", plan.Catalog)
	}
	if r := start.Parameters["replication"]; r != "" && !isOff(r) {
		return sql.Errorf(sql.StateNotSupported, -1, "replication connections are not supported")
	}
	return c.welcome(user, known, start.Parameters)
}

func isOff(s string) bool {
	return slices.Contains([]string{"false", "off", "no", "0", "f", "n"}, strings.ToLower(s))
}

// negotiate tells a client that asks for more than this what there is.
func (c *session) negotiate(version, known uint32, params map[string]string) error {
	var unknown []string
	for name := range params {
		if strings.HasPrefix(name, "_pq_.") {
			unknown = append(unknown, name)
		}
	}
	if version == known && len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	c.backend.Send(&pgproto3.NegotiateProtocolVersion{
		NewestMinorProtocol: known & 0xffff, UnrecognizedOptions: unknown,
	})
	return c.flush()
}

// authenticate lets a client show that it knows the password, if there is one.
func (c *session) authenticate(user string) error {
	v, err := c.server.verifier()
	if err != nil {
		c.server.cfg.Failed(err)
		return sql.Errorf(stateInternal, -1, "the server cannot read its password now")
	}
	if v == nil {
		return nil
	}
	c.backend.Send(&pgproto3.AuthenticationSASL{AuthMechanisms: []string{scramMechanism}})
	if err := c.expect(pgproto3.AuthTypeSASL); err != nil {
		return err
	}
	m, err := c.backend.Receive()
	if err != nil {
		return err
	}
	initial, ok := m.(*pgproto3.SASLInitialResponse)
	if !ok || initial.AuthMechanism != scramMechanism {
		return protocolError("the client does not use %s", scramMechanism)
	}
	exchange := v.NewConversation()
	first, err := exchange.Step(string(initial.Data))
	if err != nil {
		return protocolError("%v", err)
	}
	c.backend.Send(&pgproto3.AuthenticationSASLContinue{Data: []byte(first)})
	if err := c.expect(pgproto3.AuthTypeSASLContinue); err != nil {
		return err
	}
	if m, err = c.backend.Receive(); err != nil {
		return err
	}
	proof, ok := m.(*pgproto3.SASLResponse)
	if !ok {
		return protocolError("the client does not go on with %s", scramMechanism)
	}
	final, right, err := prove(exchange, string(proof.Data))
	if err != nil {
		return protocolError("%v", err)
	}
	// A wrong name takes as long as a wrong password, and gets the same answer.
	if !right || user != c.server.cfg.User {
		return sql.Errorf(stateBadPassword, -1, "password authentication failed for user %q", user)
	}
	c.backend.Send(&pgproto3.AuthenticationSASLFinal{Data: []byte(final)})
	return nil
}

func (c *session) expect(kind uint32) error {
	if err := c.flush(); err != nil {
		return err
	}
	return c.backend.SetAuthType(kind)
}

// unknown is what no setting is.
const unknown = "\x00"

// Lengths of the key that a client cancels with.
const (
	secretBytes     = 4
	longSecretBytes = 32 // from version 3.2 of the protocol on
)

// welcome tells a client that it is in.
func (c *session) welcome(user string, version uint32, params map[string]string) error {
	length := secretBytes
	if version >= pgproto3.ProtocolVersion32 {
		length = longSecretBytes
	}
	c.settings = newSettings(user)
	if err := c.settings.start(params); err != nil {
		return err
	}
	if err := c.server.enter(c, length); err != nil {
		return err
	}
	c.engine = c.server.cfg.Engine.With(query.Session{
		User: user, Schemas: c.schemas(), Functions: c.functions(),
		Labels: true,
	})
	c.backend.Send(&pgproto3.AuthenticationOk{})
	c.told = map[string]string{"application_name": unknown}
	c.reportAll()
	c.backend.Send(&pgproto3.BackendKeyData{ProcessID: c.id, SecretKey: c.secret})
	c.ready()
	c.backend.SetMaxBodyLen(maxMessage)
	if err := c.conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	if c.ctx.Err() != nil { // the server stopped, and the deadline that says so was taken back
		return context.Cause(c.ctx)
	}
	return c.flush()
}
