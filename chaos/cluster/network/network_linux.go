package network

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// maxFrame is the largest frame: jumbo ones, as between machines of a data centre, which saves
	// this process most of its work.
	maxFrame = mtu + 14
	mtu      = 9000
	// spin is the shortest time worth a timer.
	spin = 100 * time.Microsecond
)

// Network is a switch and the hosts on it.
type Network struct {
	links *links
	hosts []*Host
	loops sync.WaitGroup
	close sync.Once
}

// Host is a network namespace with one address.
type Host struct {
	Index int
	Addr  netip.Addr

	calls chan func() // run on the thread that lives in the namespace
	space int         // the namespace
	tap   *os.File

	mu    sync.Mutex
	queue queue // frames on their way here; guarded by mu
	wake  chan struct{}
	gone  chan struct{} // closed with the device
}

// Open makes a network of hosts, with the addresses 10.77.0.1 and on. It fails where this process may
// not make namespaces or TAP devices.
func Open(hosts int, seed uint64) (*Network, error) {
	n := &Network{links: newLinks(hosts, seed)}
	for i := range hosts {
		h, err := newHost(i, hosts)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("make host %d of a network: %w", i, err), n.Close())
		}
		n.hosts = append(n.hosts, h)
	}
	for _, h := range n.hosts {
		n.loops.Go(func() { n.read(h) })
		n.loops.Go(h.deliver)
	}
	return n, nil
}

// Hosts are all hosts.
func (n *Network) Hosts() []*Host { return n.hosts }

// Set changes the link from one host to another; the way back is a link of its own.
func (n *Network) Set(from, to int, l Link) { n.links.set(from, to, l) }

// Get returns the link from one host to another.
func (n *Network) Get(from, to int) Link { return n.links.get(from, to) }

// Count is how many frames passed, were lost, cut, repeated or overtook others.
func (n *Network) Count() map[string]uint64 {
	n.links.mu.Lock()
	defer n.links.mu.Unlock()
	return maps.Clone(n.links.count)
}

// Close ends the network. Processes that still run on its hosts are killed.
func (n *Network) Close() error {
	var errs []error
	n.close.Do(func() {
		for _, h := range n.hosts {
			errs = append(errs, h.tap.Close(), unix.Close(h.space))
			close(h.calls)
		}
		n.loops.Wait()
	})
	return errors.Join(errs...)
}

// read takes what a host sends and puts it on its way.
func (n *Network) read(h *Host) {
	buf := make([]byte, maxFrame)
	for {
		size, err := h.tap.Read(buf)
		if err != nil {
			close(h.gone)
			return
		}
		to, ok := hostOf(buf[:size], len(n.hosts))
		if !ok {
			continue // addresses are told beforehand: what goes to everybody is noise
		}
		data := append([]byte(nil), buf[:size]...)
		if out := n.links.route(time.Now(), h.Index, to, data); len(out) > 0 {
			n.hosts[to].enqueue(out)
		}
	}
}

func (h *Host) enqueue(frames []frame) {
	h.mu.Lock()
	for _, f := range frames {
		heap.Push(&h.queue, f)
	}
	h.mu.Unlock()
	h.poke()
}

func (h *Host) poke() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// deliver hands frames to the host when they are due.
func (h *Host) deliver() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		h.mu.Lock()
		frames, next, more := h.queue.due(time.Now())
		h.mu.Unlock()
		for _, f := range frames {
			_, _ = h.tap.Write(f.data) // a host that is full or gone loses it, as hosts do
		}
		switch {
		case len(frames) > 0:
			continue
		case !more:
			next = time.Hour
		case next < spin:
			time.Sleep(next)
			continue
		}
		timer.Reset(next)
		select {
		case <-h.gone:
			return
		case <-h.wake:
		case <-timer.C:
		}
	}
}

// Do runs f on a thread of the host: processes that f starts live there.
func (h *Host) Do(f func()) {
	done := make(chan struct{})
	h.calls <- func() {
		defer close(done)
		f()
	}
	<-done
}

// Dial connects from the host to an address, which must be an IP address with a port.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		// The thread belongs to the namespace from here on and ends with this goroutine.
		runtime.LockOSThread()
		if err := unix.Setns(h.space, unix.CLONE_NEWNET); err != nil {
			runtime.UnlockOSThread() // it has stayed where it was
			done <- result{err: fmt.Errorf("enter a host's namespace: %w", err)}
			return
		}
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		done <- result{conn, err}
	}()
	r := <-done
	return r.conn, r.err
}

// newHost makes host i of so many.
func newHost(i, hosts int) (*Host, error) {
	h := &Host{
		Index: i, Addr: addressOf(i), calls: make(chan func()), wake: make(chan struct{}, 1),
		gone: make(chan struct{}),
	}
	ready := make(chan error)
	go h.live(hosts, ready)
	if err := <-ready; err != nil {
		return nil, err
	}
	return h, nil
}

// live makes the namespace on a thread of its own, and runs what is to be run there.
func (h *Host) live(hosts int, ready chan<- error) {
	runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
	if unix.Gettid() == unix.Getpid() {
		// The first thread stands for the process: what others read about it must stay as it was.
		ended := make(chan struct{})
		go func() { h.live(hosts, ready); close(ended) }()
		<-ended
		runtime.UnlockOSThread()
		return
	}
	err := h.setUp(hosts)
	ready <- err
	if err != nil {
		return
	}
	for f := range h.calls {
		f()
	}
}

func (h *Host) setUp(hosts int) error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("make a network namespace: %w", err)
	}
	space, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open the namespace: %w", err)
	}
	tap, err := openTap(device)
	if err == nil {
		err = configure(h.Index, hosts)
	}
	if err != nil {
		if tap != nil {
			_ = tap.Close()
		}
		_ = unix.Close(space)
		return err
	}
	h.space, h.tap = space, tap
	return nil
}
