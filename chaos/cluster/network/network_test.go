package network

import (
	"bufio"
	"context"
	"net"
	"testing"
	"time"
)

// TestHostsTalkThroughTheSwitch starts an echo on one host and reaches it from another until the
// link is cut. Where no network can be made, the suite in the folder above says so and does without;
// there is nothing to look at here then.
func TestHostsTalkThroughTheSwitch(t *testing.T) {
	n, err := Open(3, 1)
	if err != nil {
		t.Logf("no network can be made here: %v", err)
		return
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	const delay = 5 * time.Millisecond
	n.Set(0, 1, Link{Delay: delay})
	n.Set(1, 0, Link{Delay: delay})
	a, b := n.Hosts()[0], n.Hosts()[1]
	address := net.JoinHostPort(b.Addr.String(), "8080")
	var l net.Listener
	b.Do(func() { l, err = net.Listen("tcp", address) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go echo(l)

	began := time.Now()
	conn, err := a.Dial(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("hello\n")); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || line != "hello\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	if took := time.Since(began); took < 4*delay { // there and back to connect, there and back to talk
		t.Errorf("it took %v over a link of %v", took, delay)
	}
	n.Set(1, 0, Link{Cut: true})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if c, err := a.Dial(ctx, "tcp", address); err == nil {
		c.Close()
		t.Error("connected over a link that is cut")
	}
	if n.Count()["cut"] == 0 {
		t.Error("no frame was cut")
	}
}

func echo(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			line, err := bufio.NewReader(conn).ReadString('\n')
			if err == nil {
				_, _ = conn.Write([]byte(line))
			}
		}()
	}
}
