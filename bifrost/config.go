package bifrost

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// RaftConfig says how a node keeps its logs. Dir is required.
type RaftConfig struct {
	// Dir holds the logs of this node and nothing else. It is made if missing.
	Dir string
	// Cluster sets clusters apart that share a network. Default 1. It can never change.
	Cluster uint64
	// Replica is this node's number in every log. Default 1. A number is never used again for
	// another node, nor for a node that lost its directory.
	Replica uint64
	// Members maps the replicas that found the logs to their addresses. Default: this one alone,
	// which opens no port.
	Members map[uint64]string
	// Address is where other nodes reach this one, host:port; a plain name for a node that is alone.
	// Default "node-<Replica>". It can never change.
	Address string
	// ListenAddress is where a node with peers listens. Default: Address.
	ListenAddress string

	// Tick is the unit of the logical clock of elections; appends do not wait for it. Elections start
	// after ElectionTicks to 2 x ElectionTicks without a leader. Defaults: 10 ms, 40 and 2 with peers;
	// 50 ms, 3 and 1 alone, where the clock costs CPU and buys nothing.
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

	// OnLeader is told when a log's leader changes, as far as this replica knows: a hint. It is
	// called from a goroutine shared by all logs and must not block. Optional.
	OnLeader func(id LogID, isLeader bool, term uint64)
	Events   Events
	// Logger receives errors, and at debug level what the consensus library says. Default: discard.
	Logger *slog.Logger
}

func (c RaftConfig) withDefaults() RaftConfig {
	setDefault(&c.Cluster, 1)
	setDefault(&c.Replica, 1)
	setDefault(&c.Address, fmt.Sprintf("node-%d", c.Replica))
	if len(c.Members) == 0 {
		c.Members = map[uint64]string{c.Replica: c.Address}
	}
	tick, election, heartbeat := 10*time.Millisecond, uint64(40), uint64(2)
	if c.alone() {
		tick, election, heartbeat = 50*time.Millisecond, 3, 1
	}
	setDefault(&c.Tick, tick)
	setDefault(&c.ElectionTicks, election)
	setDefault(&c.HeartbeatTicks, heartbeat)
	setDefault(&c.ListenAddress, c.Address)
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

// alone says that no log has another replica.
func (c RaftConfig) alone() bool { return len(c.Members) == 1 }

// Validate reports every problem of a configuration whose defaults are filled in.
func (c RaftConfig) Validate() error {
	var problems []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	check(c.Dir != "", "no log directory: set Dir")
	check(c.Members[c.Replica] == c.Address, "replica %d is at %q in Members, at %q in Address: "+
		"make them the same", c.Replica, c.Members[c.Replica], c.Address)
	check(c.Tick >= time.Millisecond, "tick of %v: use at least 1ms", c.Tick)
	check(c.ElectionTicks > 2*c.HeartbeatTicks, "elections after %d ticks, heartbeats every %d: "+
		"elections need more than twice as many", c.ElectionTicks, c.HeartbeatTicks)
	election := 2 * c.Tick * time.Duration(c.ElectionTicks)
	check(c.ProposalTimeout > election, "proposal timeout of %v: use more than two election "+
		"timeouts, %v", c.ProposalTimeout, election)
	check(c.MaxLogBytesInFlight > 0 && c.MaxBytesInFlight > 0, "limits of bytes in flight must be "+
		"positive, they are %d and %d", c.MaxLogBytesInFlight, c.MaxBytesInFlight)
	return errors.Join(problems...)
}
