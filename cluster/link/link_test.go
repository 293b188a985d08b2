package link

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// network connects nodes in memory.
type network struct {
	mu        sync.Mutex
	listeners map[uint64]*listener
	dials     int
	conns     []net.Conn // the dialled ends
}

type listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (*listener) Addr() net.Addr { return nil }

// start runs a node until the test ends.
func (n *network) start(t *testing.T, self uint64, handle Handler) *Links {
	t.Helper()
	if n.listeners == nil {
		n.listeners = map[uint64]*listener{}
	}
	lis := &listener{conns: make(chan net.Conn), closed: make(chan struct{})}
	n.listeners[self] = lis
	links := New(Config{
		Dial: func(ctx context.Context, to uint64) (net.Conn, error) { return n.dial(ctx, self, to) },
		Welcome: func(c net.Conn) (uint64, error) {
			var from [1]byte
			_, err := io.ReadFull(c, from[:])
			return uint64(from[0]), err
		},
		Handle: handle,
	})
	ended := make(chan error, 1)
	go func() { ended <- links.Serve(lis) }()
	t.Cleanup(func() {
		_ = lis.Close()
		links.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return links
}

func (n *network) dial(ctx context.Context, self, to uint64) (net.Conn, error) {
	n.mu.Lock()
	n.dials++
	lis := n.listeners[to]
	n.mu.Unlock()
	if lis == nil {
		return nil, errors.New("no such node")
	}
	near, far := net.Pipe()
	select {
	case lis.conns <- far:
	case <-lis.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	n.mu.Lock()
	n.conns = append(n.conns, near)
	n.mu.Unlock()
	_, err := near.Write([]byte{byte(self)})
	return near, err
}

// breakAll breaks every connection.
func (n *network) breakAll() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		_ = c.Close()
	}
}

func echo(_ context.Context, from uint64, request []byte, _ func([]byte)) []byte {
	return fmt.Appendf(nil, "%d:%s", from, request)
}

func TestManyCallsShareOneConnection(t *testing.T) {
	var n network
	a := n.start(t, 1, echo)
	n.start(t, 2, echo)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			want := fmt.Sprintf("1:%d", i)
			if got, err := a.Call(t.Context(), 2, fmt.Append(nil, i), nil); err != nil || string(got) != want {
				t.Errorf("call %d: %q, %v", i, got, err)
			}
		})
	}
	wg.Wait()
	if n.dials != 1 {
		t.Errorf("%d connections were made", n.dials)
	}
}

func TestLargeRequestsAndAnswers(t *testing.T) {
	var n network
	a := n.start(t, 1, echo)
	n.start(t, 2, echo)
	large := bytes.Repeat([]byte("x"), 3*readStep+17)
	got, err := a.Call(t.Context(), 2, large, nil)
	if err != nil || !bytes.Equal(got[2:], large) {
		t.Fatalf("%d bytes came back, %v", len(got), err)
	}
	if _, err := a.Call(t.Context(), 2, make([]byte, maxBodyBytes+1), nil); err == nil {
		t.Error("a request beyond the limit was sent")
	}
}

func TestProgressComesBeforeTheAnswer(t *testing.T) {
	var n network
	a := n.start(t, 1, echo)
	n.start(t, 2, func(_ context.Context, _ uint64, _ []byte, progress func([]byte)) []byte {
		progress([]byte("durable"))
		return []byte("done")
	})
	var heard string
	got, err := a.Call(t.Context(), 2, nil, func(b []byte) { heard = string(b) })
	if err != nil || string(got) != "done" || heard != "durable" {
		t.Fatalf("got %q after %q, %v", got, heard, err)
	}
}

// Whoever gives up is not told anything later, and the other side learns of it.
func TestGivingUpEndsTheHandler(t *testing.T) {
	var n network
	a := n.start(t, 1, echo)
	running, ended := make(chan struct{}), make(chan struct{})
	n.start(t, 2, func(ctx context.Context, _ uint64, _ []byte, _ func([]byte)) []byte {
		close(running)
		<-ctx.Done()
		close(ended)
		return nil
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	go func() {
		<-running
		cancel(enough)
	}()
	if _, err := a.Call(ctx, 2, nil, nil); !errors.Is(err, enough) {
		t.Fatalf("got %v", err)
	}
	<-ended
}

func TestErrorsTellWhetherARequestMayHaveBeenTaken(t *testing.T) {
	var n network
	a := n.start(t, 1, echo)
	if _, err := a.Call(t.Context(), 2, nil, nil); !errors.Is(err, ErrUnreachable) {
		t.Fatalf("no such node: %v", err)
	}
	running := make(chan struct{}, 1)
	var hang atomic.Bool
	hang.Store(true)
	n.start(t, 2, func(ctx context.Context, from uint64, b []byte, _ func([]byte)) []byte {
		if hang.Load() {
			running <- struct{}{}
			<-ctx.Done()
		}
		return echo(ctx, from, b, nil)
	})
	go func() {
		<-running
		hang.Store(false)
		n.breakAll()
	}()
	var err error
	for errors.Is(err, ErrUnreachable) || err == nil { // until the pause after the failure is over
		if _, err = a.Call(t.Context(), 2, nil, nil); err == nil {
			t.Fatal("a call over a broken connection was answered")
		}
	}
	if !errors.Is(err, ErrBroken) {
		t.Fatalf("broken: %v", err)
	}
	for { // and the next call makes a new connection
		if got, err := a.Call(t.Context(), 2, []byte("again"), nil); err == nil {
			if string(got) != "1:again" {
				t.Fatalf("got %q", got)
			}
			return
		}
	}
}

// After a failure to connect, calls fail without a try for a while, longer each time up to a limit.
func TestFailedConnectionsAreSpaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials int
		links := New(Config{
			Dial: func(context.Context, uint64) (net.Conn, error) {
				dials++
				return nil, errors.New("refused")
			},
		})
		defer links.Close()
		for range 10_000 { // ten seconds of calls
			_, _ = links.Call(t.Context(), 2, nil, nil)
			time.Sleep(time.Millisecond)
		}
		if dials < 40 || dials > 50 {
			t.Errorf("%d tries in ten seconds", dials)
		}
	})
}

func TestDamagedFramesEndTheConnection(t *testing.T) {
	f := newFrame(frameRequest, 7, []byte("body"))
	for i := range f {
		for _, change := range []byte{1, 0x80} {
			bad := bytes.Clone(f)
			bad[i] ^= change
			if got, err := readOne(bad); err == nil {
				t.Fatalf("byte %d changed: read %+v", i, got)
			}
		}
	}
	if got, err := readOne(f); err != nil || got.id != 7 || string(got.body) != "body" {
		t.Fatalf("read %+v, %v", got, err)
	}
}

// Closing ends calls that wait, and handlers that run.
func TestCloseEndsEverything(t *testing.T) {
	var n network
	a := n.start(t, 1, echo)
	running := make(chan struct{})
	b := n.start(t, 2, func(ctx context.Context, _ uint64, _ []byte, _ func([]byte)) []byte {
		close(running)
		<-ctx.Done()
		return nil
	})
	failed := make(chan error, 1)
	go func() {
		_, err := a.Call(context.Background(), 2, nil, nil)
		failed <- err
	}()
	<-running
	b.Close()
	if err := <-failed; !errors.Is(err, ErrBroken) {
		t.Errorf("the call ended with %v", err)
	}
	a.Close()
	if _, err := a.Call(t.Context(), 2, nil, nil); !errors.Is(err, ErrUnreachable) {
		t.Errorf("a call after Close: %v", err)
	}
}

func readOne(b []byte) (frame, error) { return readFrame(bufio.NewReader(bytes.NewReader(b))) }
