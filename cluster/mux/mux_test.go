package mux

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// start runs a Mux on a free port.
func start(t *testing.T, cfg Config) (*Mux, net.Addr) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := New(cfg)
	ended := make(chan error, 1)
	go func() { ended <- m.Serve(l) }()
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return m, l.Addr()
}

func dial(t *testing.T, to net.Addr, say string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, say); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSorts: each protocol gets its connections, with all bytes, however they come.
func TestSorts(t *testing.T) {
	m, addr := start(t, Config{})
	raft, link := m.Listen(Raft, addr), m.Listen(Link, addr)
	web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.URL.Path)
	})}
	go func() { _ = web.Serve(m.HTTP(addr)) }()
	t.Cleanup(func() { _ = web.Close() })

	for name, l := range map[string]net.Listener{Raft: raft, Link: link} {
		c := dial(t, addr, name[:5])
		if _, err := io.WriteString(c, name[5:]+"hello"); err != nil {
			t.Fatal(err)
		}
		got, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 5)
		if _, err := io.ReadFull(got, b); err != nil || string(b) != "hello" {
			t.Errorf("%s: read %q, %v", name, b, err)
		}
		_ = got.Close()
	}
	for range 2 {
		resp, err := http.Get("http://" + addr.String() + "/PRD")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		if err != nil || string(b) != "/PRD" {
			t.Errorf("HTTP answered %q, %v", b, err)
		}
		_ = resp.Body.Close()
	}
}

// TestRefuses: what nobody speaks, and TLS where there is none, and none where it must be.
func TestRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		cfg       Config
		say, want string
	}{
		"unknown protocol": {Config{}, "PRDNONE9", "nobody here speaks"},
		"TLS":              {Config{}, "\x16\x03\x01\x00\x00\x00", "not configured for"},
		"no TLS":           {Config{RequireTLS: true}, Raft, "requires"},
	} {
		t.Run(name, func(t *testing.T) {
			refused := make(chan error, 1)
			c.cfg.Refused = func(_ net.Addr, err error) { refused <- err }
			m, addr := start(t, c.cfg)
			m.Listen(Raft, addr)
			conn := dial(t, addr, c.say)
			if err := <-refused; !strings.Contains(err.Error(), c.want) {
				t.Errorf("refused with %v, want %q", err, c.want)
			}
			if _, err := io.ReadAll(conn); err != nil && strings.Contains(err.Error(), "timeout") {
				t.Errorf("the connection was left open: %v", err)
			}
		})
	}
}

// TestCloseBeforeServe: a Mux that is closed before its listener is served closes it all the same.
func TestCloseBeforeServe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := New(Config{})
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := m.Serve(l); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("the port is still open")
	}
}
