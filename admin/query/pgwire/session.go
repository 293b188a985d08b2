package pgwire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/perdure/perdure/admin/query"
	"github.com/perdure/perdure/admin/query/sql"
)

// What a session's transaction is.
const (
	txIdle   = 'I' // there is none
	txActive = 'T'
	txFailed = 'E' // until it is rolled back
)

// errLeft is what a query ends with whose client is gone.
var errLeft = errors.New("the client has left")

// session is one client.
type session struct {
	server  *Server
	conn    net.Conn
	in      *inbound
	backend *pgproto3.Backend
	ctx     context.Context // ends when the client leaves or the server stops
	leave   context.CancelCauseFunc

	id       uint32 // for cancelling
	secret   []byte
	engine   *query.Engine
	settings *settings
	told     map[string]string // settings as the client knows them

	// Owned by the session's goroutine.
	tx         byte
	skipping   bool // after an error in the extended protocol, up to Sync
	statements map[string]*statement
	portals    map[string]*portal
	textBytes  int    // of all statements
	unsent     int    // bytes in the backend's buffer, about
	row        []byte // the values of a row that is being sent
	cells      [][]byte
	ends       []int

	mu      sync.Mutex
	cancel  context.CancelCauseFunc // guarded by mu; of what runs; nil: nothing
	working bool                    // guarded by mu; since a message came, until the client can send the next
	pending error                   // guarded by mu; what is about to run is to end with it
}

// run serves the client until it leaves.
func (c *session) run() {
	defer c.end()
	for {
		m, err := c.backend.Receive()
		if err != nil {
			c.goodbye(err)
			return
		}
		if _, over := m.(*pgproto3.Terminate); over {
			return
		}
		if err := c.message(m); err != nil {
			c.goodbye(err)
			return
		}
	}
}

// goodbye tells a client why its session ends, if that is any use.
func (c *session) goodbye(err error) {
	var told *sql.Error
	var large *pgproto3.ExceededMaxBodyLenErr
	switch {
	case errors.Is(context.Cause(c.ctx), errStopping):
		told = errStopping
	case errors.As(err, &told):
	case errors.As(err, &large):
		told = protocolError("a message of %d bytes; there may be %d", large.ActualBodyLen, large.MaxExpectedBodyLen)
	case c.ctx.Err() == nil: // it is still there, and says what cannot be understood
		told = protocolError("the message cannot be read: %v", err)
	default:
		return
	}
	c.backend.Send(response(told, "FATAL", "", 0))
	_ = c.flush() // it may be gone
}

// end gives back what the session has.
func (c *session) end() {
	c.closePortals(false)
	c.leave(errLeft)
	c.in.end()
	c.server.leave(c)
	_ = c.conn.Close() // a secure one says goodbye to the other side
}

// broken is an error of the connection, which ends the session.
type broken struct{ error }

// Unwrap returns what happened.
func (b broken) Unwrap() error { return b.error }

// message does what a message asks for. An error ends the session.
func (c *session) message(m pgproto3.FrontendMessage) error {
	c.mu.Lock()
	c.working = true
	c.mu.Unlock()
	switch m := m.(type) {
	case *pgproto3.Sync:
		c.skipping = false
		if c.tx == txIdle {
			c.closePortals(true)
		}
		c.ready()
		return c.flush()
	case *pgproto3.Query:
		c.skipping = false
		return c.simple(m.String)
	}
	if c.skipping {
		return nil
	}
	text, err := c.extended(m)
	if err == nil {
		return nil
	}
	if dead := c.fail(err, text, 0); dead != nil {
		return dead
	}
	c.skipping = true
	return c.flush()
}

// fail tells the client of an error; it returns the error again if that ends the session.
func (c *session) fail(err error, text string, start int) error {
	var dead broken
	if errors.As(err, &dead) {
		return err
	}
	if cause := context.Cause(c.ctx); cause != nil {
		return cause
	}
	var mistake *query.PanicError
	if errors.As(err, &mistake) {
		c.server.cfg.Failed(err)
	}
	if c.tx == txActive {
		c.tx = txFailed
		c.closePortals(true)
	}
	c.send(response(err, "ERROR", text, start))
	return nil
}

// extended does one step of the extended protocol; text is the statement it is about.
func (c *session) extended(m pgproto3.FrontendMessage) (text string, err error) {
	switch m := m.(type) {
	case *pgproto3.Parse:
		return m.Query, c.parse(m)
	case *pgproto3.Bind:
		return c.bind(m)
	case *pgproto3.Describe:
		return "", c.describe(m)
	case *pgproto3.Execute:
		return c.execute(m)
	case *pgproto3.Close:
		return "", c.closeNamed(m)
	case *pgproto3.Flush:
		return "", c.flush()
	case *pgproto3.FunctionCall:
		err := c.fail(sql.Errorf(sql.StateNotSupported, -1, "calling functions by their OID is not supported"), "", 0)
		if err != nil {
			return "", broken{err}
		}
		c.ready()
		return "", c.flush()
	case *pgproto3.CopyData, *pgproto3.CopyDone, *pgproto3.CopyFail:
		return "", nil // of a copy that was refused
	}
	return "", broken{protocolError("a message %T is not expected here", m)}
}

// simple runs the statements of a text one after the other, up to the first that fails.
func (c *session) simple(text string) error {
	c.drop("")
	c.closePortal("")
	parts := sql.Split(text)
	if len(parts) == 0 {
		c.send(&pgproto3.EmptyQueryResponse{})
	}
	for _, part := range parts {
		if err := c.simplePart(part.Text); err != nil {
			if dead := c.fail(err, text, part.Start); dead != nil {
				return dead
			}
			break
		}
	}
	c.ready()
	return c.flush()
}

func (c *session) simplePart(text string) error {
	st, err := c.prepare(text, nil)
	if err != nil {
		return err
	}
	if st.prepared != nil && len(st.prepared.Params) > 0 {
		return sql.Errorf(stateNoParam, -1, "there are no parameters in a simple query").
			With("prepare the statement")
	}
	p := &portal{statement: st}
	if columns := st.columns(); columns != nil {
		c.send(description(columns, nil))
	}
	return c.runPortal(p, 0)
}

// send puts a message into the buffer.
func (c *session) send(m pgproto3.BackendMessage) {
	c.backend.Send(m)
	c.unsent += messageBytes
}

const (
	messageBytes = 64       // about what a message takes that is not a row
	flushBytes   = 32 << 10 // rows are sent when there are as many
)

// flush sends what is in the buffer.
func (c *session) flush() error {
	c.unsent = 0
	if err := c.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return broken{err}
	}
	if err := c.backend.Flush(); err != nil {
		return broken{fmt.Errorf("send to the client: %w", err)}
	}
	return nil
}

// ready says that the client may go on; what it wanted cancelled is over.
func (c *session) ready() {
	c.mu.Lock()
	c.working, c.pending = false, nil
	c.mu.Unlock()
	c.send(&pgproto3.ReadyForQuery{TxStatus: c.tx})
}

func (c *session) notice(state, severity, text string) {
	c.send(&pgproto3.NoticeResponse{
		Severity: severity, SeverityUnlocalized: severity, Code: state, Message: text,
	})
}

// interrupt ends what runs now, or what is about to.
func (c *session) interrupt(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.cancel != nil:
		c.cancel(cause)
	case c.working:
		c.pending = cause
	}
}

// busy says what runs now, and how it is ended.
func (c *session) busy(cancel context.CancelCauseFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel = cancel; cancel != nil && c.pending != nil {
		cancel(c.pending)
		c.pending = nil
	}
}
