package invoker

import (
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/service"
)

// Limits of one run.
const (
	holdOutside    = 10 * time.Millisecond // how long a command that others can see is held
	holdLonely     = time.Second           // how long other commands are
	drainTimeout   = 5 * time.Second       // how long an answer may go on after the try's end
	pushBackMin    = 2 * time.Millisecond  // first pause after a proposal was pushed back; doubles
	pushBackMax    = 250 * time.Millisecond
	faultRetry     = time.Second // pause after the server itself failed to prepare a try
	maxBatchBytes  = 1 << 20     // effects of one proposal, unless a single one is larger
	chargeBytes    = 256 << 10   // step in which a try's memory is accounted for
	maxUnapplied   = 128         // proposals of a run that are not applied; beyond it, reading stops
	maxRefusalBody = 512         // how much of an error page goes into an error's message
)

// Config configures an Invoker. Zero fields take their defaults.
type Config struct {
	// ConcurrencyLimit is how many tries run at once on the node. Default: 1000.
	ConcurrencyLimit int
	// StartRate is how many tries may start per second on the node, StartBurst how many at once after
	// a pause. Default: no limit; a burst of one second's worth.
	StartRate  float64
	StartBurst int
	// MemoryLimitBytes is how much memory all tries may take: no try starts beyond it, and a try that
	// needs more fails. Default: 1.5 GiB.
	MemoryLimitBytes int
	// InvocationMemoryLimitBytes is from how many bytes of effects that are not applied yet a
	// deployment is held back. Default: 32 MiB.
	InvocationMemoryLimitBytes int
	// InitialMemoryBytes is set aside before a try starts. Default: 32 KiB.
	InitialMemoryBytes int
	// MessageSizeLimitBytes is the largest message of a handler. Default: 32 MiB.
	MessageSizeLimitBytes int
	// EagerStateLimitBytes is how much state is sent along when a try starts. Default:
	// MessageSizeLimitBytes; negative sends none.
	EagerStateLimitBytes int
	// MaxFutureDepth is how deeply awaited futures may nest. Default: 1000.
	MaxFutureDepth int
	// EnableProtocolV7 lets new invocations use version 7; without it they use version 6 at most.
	// Those that have started keep their version. Default: false.
	EnableProtocolV7 bool
	// Defaults apply to invocations whose handler is not registered (any more). Default:
	// schema.StandardDefaults.
	Defaults schema.Defaults
}

func setDefault(v *int, d int) {
	if *v == 0 {
		*v = d
	}
}

func (c Config) withDefaults() Config {
	setDefault(&c.ConcurrencyLimit, 1000)
	setDefault(&c.StartBurst, int(c.StartRate))
	setDefault(&c.MemoryLimitBytes, 3<<29)
	setDefault(&c.InvocationMemoryLimitBytes, 32<<20)
	setDefault(&c.InitialMemoryBytes, 32<<10)
	setDefault(&c.MessageSizeLimitBytes, 32<<20)
	setDefault(&c.EagerStateLimitBytes, c.MessageSizeLimitBytes)
	setDefault(&c.MaxFutureDepth, 1000)
	if c.Defaults == (schema.Defaults{}) {
		c.Defaults = schema.StandardDefaults()
	}
	return c
}

// Validate reports every setting out of range at once.
func (c Config) Validate() error {
	var errs []error
	for _, f := range []struct {
		name string
		v    int
	}{
		{"concurrency limit", c.ConcurrencyLimit}, {"memory limit", c.MemoryLimitBytes},
		{"invocation memory limit", c.InvocationMemoryLimitBytes},
		{"initial memory", c.InitialMemoryBytes}, {"message size limit", c.MessageSizeLimitBytes},
		{"future depth", c.MaxFutureDepth}, {"start burst", c.StartBurst},
	} {
		if f.v < 0 {
			errs = append(errs, fmt.Errorf("invoker: %s is %d: it must not be negative", f.name, f.v))
		}
	}
	if c.StartRate < 0 {
		errs = append(errs, fmt.Errorf("invoker: start rate is %v: it must not be negative", c.StartRate))
	}
	return errors.Join(errs...)
}

// serverMax is the newest protocol version for new invocations.
func (c *Config) serverMax() service.Version {
	if c.EnableProtocolV7 {
		return service.V7
	}
	return service.V6
}

// Events are optional callbacks. They are called under the invoker's locks: they must return soon
// and must not call the invoker.
type Events struct {
	// AttemptStarted: a try opened its stream.
	AttemptStarted func(AttemptStarted)
	// AttemptFailed: a try failed.
	AttemptFailed func(AttemptFailed)
	// AttemptEnded: a try suspended or ended its invocation.
	AttemptEnded func(AttemptEnded)
	// AttemptTraced: a try that is part of a recorded trace is over. If it is nil, nothing is recorded,
	// and deployments get the trace of the invocation.
	AttemptTraced func(AttemptTraced)
	// SlotsChanged: how many tries run and wait.
	SlotsChanged func(SlotsChanged)
}

// AttemptStarted tells of a try that opened its stream.
type AttemptStarted struct {
	Partition  protocol.PartitionID
	Invocation protocol.InvocationID
	Target     protocol.Target
	Attempt    uint32
	Deployment protocol.DeploymentID
	Version    service.Version
	Entries    int // replayed
}

// AttemptFailed tells of a failed try.
type AttemptFailed struct {
	Partition  protocol.PartitionID
	Invocation protocol.InvocationID
	Target     protocol.Target
	Attempt    uint32
	Err        error
	DocCode    string
	RetryCount uint32    // failures in a row, this one included
	NextRetry  time.Time // zero: none
}

// AttemptEnded tells of a try that suspended or ended its invocation.
type AttemptEnded struct {
	Partition  protocol.PartitionID
	Invocation protocol.InvocationID
	Target     protocol.Target
	Attempt    uint32
	Suspended  bool
	Duration   time.Duration
}

// AttemptTraced tells of a try that is part of a trace.
type AttemptTraced struct {
	// Context is the try's own, which the deployment got; Parent is the invocation's.
	Context, Parent protocol.TraceContext
	Invocation      protocol.InvocationID
	Target          protocol.Target
	Deployment      protocol.DeploymentID
	Start, End      time.Time
	Failure         string // "" unless it failed
}

// SlotsChanged says how many tries run and wait for a slot on the node.
type SlotsChanged struct{ Running, Waiting int }
