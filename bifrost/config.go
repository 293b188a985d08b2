package bifrost

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/perdure/perdure/bifrost/transport"
)

// RaftConfig says how a node keeps its logs. Dir is required.
type RaftConfig struct {
	// Dir holds the logs of this node and nothing else. It is made if missing.
	Dir string
	// Cluster sets clusters apart that share a network. Default 1. It can never change.
	Cluster uint64
	// Node is this node's number, 1 to 65535. Default 1. A number is never used again for another
	// node, nor for a node that lost its directory.
	Node uint64
	// Transport reaches the other nodes. Default: none, the node is alone and opens no port.
	Transport *transport.Transport
	// Group says how this node's replica of a log belongs to the log's group; it is asked when the
	// log is started. Default: each log has its only replica here.
	Group func(LogID) (Group, error)
	// Alone says that the replicas here are the only ones, so that they need not wait for others
	// before they lead. It is a hint. Always so without a Transport.
	Alone bool

	// Tick is the unit of the logical clock of elections; appends do not wait for it. Elections start
	// after ElectionTicks to 2 x ElectionTicks without a leader. Defaults: 10 ms, 40 and 2 with a
	// Transport; 100 ms, 3 and 1 without, where the clock costs CPU and buys nothing.
	Tick           time.Duration
	ElectionTicks  uint64
	HeartbeatTicks uint64
	// ProposalTimeout is when an append without an outcome ends as ErrUnknown, and how long a trim
	// may take. Default 10 s.
	ProposalTimeout time.Duration

	// MaxLogBytesInFlight and MaxBytesInFlight bound payloads accepted and not yet applied, per log
	// and per node; beyond them appends fail with ErrBusy. Defaults 64 MiB and 256 MiB.
	MaxLogBytesInFlight int64
	MaxBytesInFlight    int64

	// MinFreeBytes is the free space on the disk of Dir below which Admit refuses new work; below half
	// of it, every append is refused with ErrDiskFull. Default: 5 % of the disk, at most 512 MiB.
	MinFreeBytes int64

	// OnLeader is told when a log's leader changes, as far as this replica knows: a hint. It is
	// called from a goroutine shared by all logs and must not block. Optional.
	OnLeader func(id LogID, l Leadership)
	Events   Events
	// Logger receives errors, and at debug level what the consensus library says. Default: discard.
	Logger *slog.Logger
}

func (c RaftConfig) withDefaults() RaftConfig {
	setDefault(&c.Cluster, 1)
	setDefault(&c.Node, 1)
	if c.Group == nil {
		c.Group = func(LogID) (Group, error) { return Founding(c.Node), nil }
	}
	tick, election, heartbeat := 10*time.Millisecond, uint64(40), uint64(2)
	if c.Transport == nil {
		tick, election, heartbeat = 100*time.Millisecond, 3, 1
		c.Alone = true
	}
	setDefault(&c.Tick, tick)
	setDefault(&c.ElectionTicks, election)
	setDefault(&c.HeartbeatTicks, heartbeat)
	setDefault(&c.ProposalTimeout, 10*time.Second)
	setDefault(&c.MaxLogBytesInFlight, 64<<20)
	setDefault(&c.MaxBytesInFlight, 256<<20)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate reports every problem of a configuration whose defaults are filled in.
func (c RaftConfig) Validate() error {
	var problems []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	check(c.Dir != "", "no log directory: set Dir")
	check(c.Node <= maxNode, "node %d: numbers go up to %d", c.Node, maxNode)
	check(c.Tick >= time.Millisecond, "tick of %v: use at least 1ms", c.Tick)
	check(c.ElectionTicks > 2*c.HeartbeatTicks, "elections after %d ticks, heartbeats every %d: "+
		"elections need more than twice as many", c.ElectionTicks, c.HeartbeatTicks)
	election := 2 * c.Tick * time.Duration(c.ElectionTicks)
	check(c.ProposalTimeout > election, "proposal timeout of %v: use more than two election "+
		"timeouts, %v", c.ProposalTimeout, election)
	check(c.MaxLogBytesInFlight > 0 && c.MaxBytesInFlight > 0, "limits of bytes in flight must be "+
		"positive, they are %d and %d", c.MaxLogBytesInFlight, c.MaxBytesInFlight)
	check(c.MinFreeBytes >= 0, "the free space to keep must not be negative, it is %d", c.MinFreeBytes)
	return errors.Join(problems...)
}
