//go:build !linux

package network

import (
	"context"
	"errors"
	"net"
	"net/netip"
)

// ErrUnsupported is returned by Open where there are no network namespaces.
var ErrUnsupported = errors.New("network namespaces need Linux")

// Network is a switch and the hosts on it; there is none on this system.
type Network struct{ hosts []*Host }

// Host is a network namespace with one address.
type Host struct {
	Index int
	Addr  netip.Addr
}

// Open fails: there are no network namespaces on this system.
func Open(int, uint64) (*Network, error) { return nil, ErrUnsupported }

// Hosts are all hosts.
func (n *Network) Hosts() []*Host { return n.hosts }

// Set changes nothing.
func (n *Network) Set(int, int, Link) {}

// Get returns a link that passes everything.
func (n *Network) Get(int, int) Link { return Link{} }

// Count is empty.
func (n *Network) Count() map[string]uint64 { return nil }

// Close does nothing.
func (n *Network) Close() error { return nil }

// Do runs f.
func (h *Host) Do(f func()) { f() }

// Dial connects to an address.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, address)
}
