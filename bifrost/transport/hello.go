package transport

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"time"
)

// Protocol is the version of the protocol between nodes that this release speaks. Nodes of
// different versions refuse each other.
const Protocol = 1

const (
	maxHelloBytes    = 16 << 10
	handshakeTimeout = 3 * time.Second
)

// Hello is what the two sides of a connection tell each other first.
type Hello struct {
	Protocol   int    `json:"protocol"`
	Release    string `json:"release"`
	Cluster    string `json:"cluster"` // name and fingerprint: equal on all nodes of a cluster
	Node       uint64 `json:"node"`
	Generation uint64 `json:"generation"` // raised at every start of the node
	To         uint64 `json:"to"`         // whom the caller means to reach
	Snapshot   bool   `json:"snapshot,omitempty"`
	Millis     int64  `json:"millis"` // the sender's clock
}

// answer is what the called side says to a Hello.
type answer struct {
	Refused string `json:"refused,omitempty"`
	Hello   Hello  `json:"hello"`
}

// RefusedError is the reason for which a node was not let in.
type RefusedError struct{ Reason string }

// Error implements error.
func (e *RefusedError) Error() string { return "refused: " + e.Reason }

func writeJSON(c io.Writer, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(body)), uint32(len(body)))
	_, err = c.Write(append(b, body...))
	return err
}

func readJSON(c io.Reader, v any) error {
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxHelloBytes {
		return fmt.Errorf("a greeting of %d bytes, at most %d are read", n, maxHelloBytes)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(c, b); err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// greet is the caller's side of the handshake.
func (t *Transport) greet(c net.Conn, to uint64, prefix string, snapshot bool) error {
	if err := c.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, prefix); err != nil {
		return err
	}
	mine := t.hello()
	mine.To, mine.Snapshot = to, snapshot
	if err := writeJSON(c, mine); err != nil {
		return err
	}
	var a answer
	if err := readJSON(c, &a); err != nil {
		return fmt.Errorf("wait for the answer of node %d: %w", to, err)
	}
	if a.Refused != "" {
		return &RefusedError{a.Refused}
	}
	if reason := t.objection(a.Hello); reason != "" {
		return &RefusedError{reason}
	}
	if a.Hello.Node != to {
		return &RefusedError{fmt.Sprintf("at this address is node %d, not node %d: "+
			"correct the advertised address", a.Hello.Node, to)}
	}
	return c.SetDeadline(time.Time{})
}

// welcome is the called side.
func (t *Transport) welcome(c net.Conn) (Hello, error) {
	if err := c.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return Hello{}, err
	}
	var h Hello
	if err := readJSON(c, &h); err != nil {
		return h, fmt.Errorf("read the greeting: %w", err)
	}
	reason := t.objection(h)
	if reason == "" && h.To != t.cfg.Self {
		reason = fmt.Sprintf("this is node %d, not node %d: correct the advertised address",
			t.cfg.Self, h.To)
	}
	if err := writeJSON(c, answer{Refused: reason, Hello: t.hello()}); err != nil {
		return h, err
	}
	if reason != "" {
		return h, &RefusedError{reason}
	}
	return h, c.SetDeadline(time.Time{})
}

func (t *Transport) hello() Hello {
	return Hello{
		Protocol: Protocol, Release: t.cfg.Release, Cluster: t.cfg.Cluster, Node: t.cfg.Self,
		Generation: t.cfg.Generation, Millis: time.Now().UnixMilli(),
	}
}

// objection says why the other side cannot be talked to; "" when it can.
func (t *Transport) objection(h Hello) string {
	switch {
	case h.Protocol != Protocol:
		return fmt.Sprintf("node %d runs release %q with protocol %d, node %d release %q with protocol "+
			"%d: run releases of one protocol", h.Node, h.Release, h.Protocol, t.cfg.Self, t.cfg.Release,
			Protocol)
	case h.Cluster != t.cfg.Cluster:
		return fmt.Sprintf("node %d belongs to cluster %s, node %d to cluster %s: correct cluster-name "+
			"or the addresses", h.Node, h.Cluster, t.cfg.Self, t.cfg.Cluster)
	case h.Node == t.cfg.Self || h.Node == 0:
		return fmt.Sprintf("node %d called itself or has a copy of its data: give each node its own "+
			"data directory", h.Node)
	case t.cfg.Admit != nil:
		if err := t.cfg.Admit(h); err != nil {
			return err.Error()
		}
	}
	return ""
}
