package pgwire

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/xdg-go/scram"

	"github.com/perdure/perdure/admin/query"
	"github.com/perdure/perdure/admin/query/pgwire/pgcatalog"
	"github.com/perdure/perdure/admin/query/sql"
)

// Config says how clients are served. Zero fields take their defaults.
type Config struct {
	Engine *query.Engine
	// User is who may connect if there is a password. Default: "perdure".
	User string
	// Password gives the password, which may change. Default, or "": everybody may connect.
	Password func() (string, error)
	// TLS is offered to clients if it is not nil, and demanded with RequireTLS.
	TLS        *tls.Config
	RequireTLS bool
	// Connections is how many clients may be connected at once. Default: 100.
	Connections int
	// Cursors is how many results may wait at once for clients to fetch their next rows. Each counts
	// as a running query. Default: 8.
	Cursors int
	// Failed hears of mistakes of the server's own. Default: nobody does.
	Failed func(error)
}

const (
	startupTimeout = 30 * time.Second // until a client has shown who it is
	writeTimeout   = time.Minute      // for a client that does not take its rows
	closeTimeout   = 5 * time.Second  // for sessions to say goodbye
	acceptPause    = 50 * time.Millisecond
)

// Server serves PostgreSQL clients.
type Server struct {
	cfg     Config
	catalog *pgcatalog.Catalog
	ctx     context.Context
	stop    context.CancelCauseFunc
	cursors chan struct{} // held by results that wait

	mu          sync.Mutex
	closed      bool                  // guarded by mu
	credentials credentials           // guarded by mu
	listeners   map[net.Listener]bool // guarded by mu
	conns       map[net.Conn]bool     // guarded by mu; all that were accepted
	sessions    map[uint32]*session   // guarded by mu; by what clients know as a process ID
	nextID      uint32                // guarded by mu
	running     sync.WaitGroup        // of conns
}

// New makes a server.
func New(cfg Config) *Server {
	if cfg.User == "" {
		cfg.User = "perdure"
	}
	if cfg.Connections == 0 {
		cfg.Connections = 100
	}
	if cfg.Cursors == 0 {
		cfg.Cursors = 8
	}
	if cfg.Failed == nil {
		cfg.Failed = func(error) {}
	}
	s := &Server{
		cfg: cfg, cursors: make(chan struct{}, cfg.Cursors),
		listeners: map[net.Listener]bool{}, conns: map[net.Conn]bool{}, sessions: map[uint32]*session{},
	}
	s.ctx, s.stop = context.WithCancelCause(context.Background())
	s.catalog = pgcatalog.New(cfg.Engine, cfg.User)
	return s
}

// Serve accepts clients until the server is closed, which is no error, or the listener fails.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return l.Close()
	}
	s.listeners[l] = true
	s.mu.Unlock()
	for {
		conn, err := l.Accept()
		if err != nil {
			var passing interface{ Timeout() bool }
			switch {
			case s.ctx.Err() != nil:
				return nil
			case !errors.Is(err, net.ErrClosed) && errors.As(err, &passing):
				s.cfg.Failed(fmt.Errorf("accept a PostgreSQL client: %w", err))
				if s.pause(acceptPause) { // no file descriptors, for one
					continue
				}
				return nil
			}
			return fmt.Errorf("accept a PostgreSQL client: %w", err)
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			_ = conn.Close()
			return nil
		}
		s.conns[conn] = true
		s.running.Add(1)
		s.mu.Unlock()
		go s.handle(conn)
	}
}

// pause waits; false: the server is closed.
func (s *Server) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// errStopping is what clients are told when the server stops.
var errStopping = sql.Errorf("57P01", -1, "the server is stopping").With("connect again later")

// Close stops serving: what runs is cancelled, and clients are told.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.stop(errStopping)
	for l := range s.listeners {
		_ = l.Close() // Serve returns
	}
	for c := range s.conns {
		_ = c.SetReadDeadline(time.Now()) // wakes it
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	timer := time.NewTimer(closeTimeout)
	defer timer.Stop()
	select {
	case <-done:
		return
	case <-timer.C:
	}
	s.mu.Lock()
	for c := range s.conns {
		_ = c.Close() // it had its chance
	}
	s.mu.Unlock()
	<-done
}

// handle serves one connection.
func (s *Server) handle(conn net.Conn) {
	defer s.running.Done()
	defer func() {
		_ = conn.Close() // whatever it says, it is over
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
	}()
	defer func() {
		if r := recover(); r != nil {
			s.cfg.Failed(fmt.Errorf("a PostgreSQL session failed: %v", r))
		}
	}()
	if err := conn.SetDeadline(time.Now().Add(startupTimeout)); err != nil {
		return
	}
	c, err := s.greet(conn)
	if err != nil || c == nil {
		return // it went away, or had nothing sensible to say
	}
	c.run()
}

// enter counts a session in; secretBytes is how long its key for cancelling is to be.
func (s *Server) enter(c *session, secretBytes int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return errStopping
	case len(s.sessions) >= s.cfg.Connections:
		return sql.Errorf("53300", -1, "%d clients are connected, and no more may be", len(s.sessions)).
			With("raise admin.postgres.connections-limit, or use a pool")
	}
	for s.nextID++; s.nextID == 0 || s.sessions[s.nextID] != nil; s.nextID++ {
		continue
	}
	c.id, c.secret = s.nextID, make([]byte, secretBytes)
	_, _ = rand.Read(c.secret) // it never fails
	s.sessions[c.id] = c
	return nil
}

func (s *Server) leave(c *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, c.id)
}

// errCancelled is what a query ends with that its client cancels.
var errCancelled = sql.Errorf(sql.StateCancelled, -1, "the query was cancelled")

// cancel ends what runs for the session with the key.
func (s *Server) cancel(id uint32, secret []byte) {
	s.mu.Lock()
	c := s.sessions[id]
	s.mu.Unlock()
	if c != nil && subtle.ConstantTimeCompare(c.secret, secret) == 1 {
		c.interrupt(errCancelled)
	}
}

// password gives what a password is checked with; nil if there is none.
func (s *Server) verifier() (*scram.Server, error) {
	if s.cfg.Password == nil {
		return nil, nil
	}
	password, err := s.cfg.Password()
	if err != nil || password == "" {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.credentials.of(password)
}

// Codes in the place of a protocol version.
const (
	codeCancel = 80877102
	codeSSL    = 80877103
	codeGSS    = 80877104
)

const (
	maxStartup   = 10_000 // bytes, as PostgreSQL has it
	maxGreetings = 3      // GSS, SSL, and then the startup itself
)

// greet reads what comes before a session: requests for encryption and cancellation. It returns nil
// without an error if there is to be no session.
func (s *Server) greet(conn net.Conn) (*session, error) {
	encrypted := false
	for range maxGreetings {
		packet, err := startupPacket(conn)
		if err != nil {
			return nil, err
		}
		switch code := binary.BigEndian.Uint32(packet); code {
		case codeSSL:
			if s.cfg.TLS == nil || encrypted {
				if _, err := conn.Write([]byte{'N'}); err != nil {
					return nil, err
				}
				continue
			}
			if _, err := conn.Write([]byte{'S'}); err != nil {
				return nil, err
			}
			// Nothing was read beyond the request, so that nothing said in the clear counts as said inside.
			secure := tls.Server(conn, s.cfg.TLS)
			if err := secure.HandshakeContext(s.ctx); err != nil {
				return nil, err
			}
			conn, encrypted = secure, true
		case codeGSS:
			if _, err := conn.Write([]byte{'N'}); err != nil {
				return nil, err
			}
		case codeCancel:
			if len(packet) > 8 {
				s.cancel(binary.BigEndian.Uint32(packet[4:]), packet[8:])
			}
			return nil, nil
		default:
			return s.newSession(conn, packet, encrypted)
		}
	}
	return nil, nil
}

// startupPacket reads a packet that has a length and no type, and nothing beyond it.
func startupPacket(conn net.Conn) ([]byte, error) {
	var length [4]byte
	if err := readFull(conn, length[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n < 8 || n > maxStartup {
		return nil, fmt.Errorf("a startup packet of %d bytes", n)
	}
	packet := make([]byte, n-4)
	return packet, readFull(conn, packet)
}
