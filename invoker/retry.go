package invoker

import (
	"math"
	"time"

	"github.com/perdure/perdure/metadata/schema"
)

// Jitter is added so that what failed together is not retried together.
const (
	jitterShare = 1.0 / 3 // of the delay
	jitterMin   = 3 * time.Millisecond
)

// retryPolicy says when failed tries are repeated.
type retryPolicy struct {
	initial, max time.Duration
	factor       float64
	attempts     uint32 // tries in a row, the first included; 0 means unlimited
	kill         bool   // what happens then: the invocation fails instead of pausing
}

func policyOf(r *schema.Resolved) retryPolicy {
	return retryPolicy{
		initial: r.RetryInitialInterval, max: r.RetryMaxInterval, factor: r.RetryFactor,
		attempts: r.RetryMaxAttempts, kill: r.OnMaxAttempts == schema.OnMaxAttemptsKill,
	}
}

func defaultPolicy(d *schema.Defaults) retryPolicy {
	return retryPolicy{
		initial: d.RetryInitialInterval, max: d.RetryMaxInterval, factor: d.RetryFactor,
		attempts: d.RetryMaxAttempts, kill: d.OnMaxAttempts == schema.OnMaxAttemptsKill,
	}
}

// retries counts the failures since the handler last got further.
type retries struct {
	count uint32 // all failures; what the handler is told
	steps uint32 // those that used up a step of the policy
}

// next counts a failure and returns the delay before the next try; ok is false if the policy allows
// none. A delay asked for by the deployment uses up no step. chance is in [0, 1).
func (r *retries) next(
	p retryPolicy, asked *time.Duration, chance float64,
) (delay time.Duration, ok bool) {
	r.count++
	if asked != nil {
		return max(*asked, 0), true
	}
	r.steps++
	if p.attempts != 0 && r.steps >= p.attempts {
		return 0, false
	}
	d := float64(p.initial) * math.Pow(max(p.factor, 1), float64(r.steps-1))
	if p.max > 0 {
		d = min(d, float64(p.max))
	}
	jitter := max(d*jitterShare*chance, float64(jitterMin)*chance)
	return time.Duration(min(d+jitter, math.MaxInt64/2)), true
}
