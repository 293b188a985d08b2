package transport

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

const prefix = "TESTRAFT"

// prefixed takes the prefix off, as the port that several protocols share does.
type prefixed struct{ net.Listener }

func (p prefixed) Accept() (net.Conn, error) {
	c, err := p.Listener.Accept()
	if err == nil {
		_, _ = io.ReadFull(c, make([]byte, len(prefix))) // a failure shows in what follows
	}
	return c, err
}

// testNet is where nodes are.
type testNet struct {
	mu        sync.Mutex
	addresses map[uint64]string
}

func (n *testNet) resolve(node uint64) (string, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a, ok := n.addresses[node]
	return a, ok
}

// start runs a transport until the test ends.
func (n *testNet) start(t *testing.T, cfg Config) *Transport {
	t.Helper()
	if cfg.Cluster == "" {
		cfg.Cluster = "test/1"
	}
	cfg.Prefix, cfg.Resolve = prefix, n.resolve
	tr, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.mu.Lock()
	if n.addresses == nil {
		n.addresses = map[uint64]string{}
	}
	n.addresses[cfg.Self] = l.Addr().String()
	n.mu.Unlock()
	ended := make(chan error, 1)
	go func() { ended <- tr.Serve(prefixed{l}) }()
	t.Cleanup(func() {
		if err := errors.Join(l.Close(), tr.Close(), <-ended); err != nil {
			t.Error(err)
		}
	})
	return tr
}

func receive[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(30 * time.Second):
		t.Fatal("waited too long")
	}
	return v
}

func TestNoticesArriveInOrder(t *testing.T) {
	var n testNet
	type notice struct {
		from uint64
		text string
	}
	heard := make(chan notice, 100)
	a := n.start(t, Config{Self: 1})
	n.start(t, Config{Self: 2, Notice: func(from uint64, b []byte) { heard <- notice{from, string(b)} }})
	for _, text := range []string{"one", "two", "three"} {
		a.Notify(2, []byte(text))
	}
	for _, text := range []string{"one", "two", "three"} {
		if got := receive(t, heard); got != (notice{1, text}) {
			t.Fatalf("heard %+v, want %q", got, text)
		}
	}
	if !a.Connected(2) || a.Connected(3) {
		t.Error("wrong about who is connected")
	}
}

// Whoever does not belong is refused, and both sides are told why.
func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		caller, called Config
		want           string
	}{
		"another cluster": {
			Config{Self: 1, Cluster: "other/2"}, Config{Self: 2}, "correct cluster-name or the addresses",
		},
		"copied data": {
			Config{Self: 2}, Config{Self: 2}, "give each node its own data directory",
		},
		"not admitted": {
			Config{Self: 1}, Config{Self: 2, Admit: func(Hello) error { return errors.New("your clock is off") }},
			"your clock is off",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var n testNet
			refused := make(chan error, 10)
			c.called.Events.Refused = func(_ net.Addr, err error) { refused <- err }
			n.start(t, c.called)
			address, _ := n.resolve(2)
			told := make(chan error, 10)
			c.caller.Events.Disconnected = func(_ uint64, err error) { told <- err }
			caller := n.start(t, c.caller)
			n.mu.Lock()
			n.addresses[3], n.addresses[2] = address, address
			n.mu.Unlock()
			caller.Notify(2, nil)
			for _, side := range []chan error{told, refused} {
				if err := receive(t, side); !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %q", err, c.want)
				}
			}
		})
	}
}

// A node at a wrong address is not taken for the one that is meant.
func TestWrongAddress(t *testing.T) {
	var n testNet
	n.start(t, Config{Self: 2})
	told := make(chan error, 10)
	caller := n.start(t, Config{Self: 1, Events: Events{Disconnected: func(_ uint64, err error) { told <- err }}})
	n.mu.Lock()
	n.addresses[3] = n.addresses[2]
	n.mu.Unlock()
	caller.Notify(3, nil)
	if err := receive(t, told); !strings.Contains(err.Error(), "correct the advertised address") {
		t.Errorf("got %v", err)
	}
}

// Another protocol over the same identity: Dial and Welcome.
func TestDialAndWelcome(t *testing.T) {
	var n testNet
	a, b := n.start(t, Config{Self: 1, Generation: 7}), n.start(t, Config{Self: 2})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	n.mu.Lock()
	n.addresses[2] = l.Addr().String()
	n.mu.Unlock()
	met := make(chan Hello, 1)
	go func() {
		c, err := prefixed{l}.Accept()
		if err != nil {
			return
		}
		h, err := b.Welcome(c)
		if err == nil {
			_, err = c.Write([]byte("x"))
		}
		if err == nil {
			met <- h
		}
	}()
	c, err := a.Dial(t.Context(), 2, "TESTLINK")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if h := receive(t, met); h.Node != 1 || h.Generation != 7 {
		t.Errorf("welcomed %+v", h)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Error(err)
	}
}
