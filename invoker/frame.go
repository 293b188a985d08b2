package invoker

import (
	"bytes"
	"errors"
	"net/mail"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
	"github.com/perdure/perdure/protocol/service"
)

// frame takes one frame from the deployment; unless it is the frame's own, its body is valid only
// until frame returns.
func (a *attempt) frame(f service.Frame, now time.Time) *failure {
	if err := service.IsAllowedFromDeployment(f.Type, a.version); err != nil {
		return violation("%v", err)
	}
	if !f.Own && (f.Type.IsCommand() || f.Type == service.TypeProposeRunCompletion) {
		f.Body = bytes.Clone(f.Body) // goes to the log
	}
	if f.Type.IsCommand() {
		return a.command(f, now)
	}
	m, err := service.Decode(f.Type, a.version, f.Body)
	if errors.Is(err, journal.ErrTooDeep) {
		if f.Type == service.TypeAwaitingOn {
			return nil // a hint is not worth an invocation
		}
		return a.tooDeep()
	}
	if err != nil {
		return violation("%v", err)
	}
	switch m := m.(type) {
	case *service.ProposeRunCompletion:
		a.runCompletion(m, f.RequestedAck(), now)
	case *service.AwaitingOn:
		return a.awaitingOn(m)
	case *service.Suspension:
		return a.suspension(m, now)
	case *service.ErrorMessage:
		return a.errorMessage(m)
	case *service.End:
		return a.end(now)
	}
	return nil
}

func (a *attempt) end(now time.Time) *failure {
	if !a.output {
		return violation("the deployment ended the invocation without a result: " +
			"it sent End without Output")
	}
	a.hold(command.Effect{Kind: command.EffectEnd}, 0, now)
	a.ending = endCompleted
	return nil
}

func (a *attempt) runCompletion(m *service.ProposeRunCompletion, ack bool, now time.Time) {
	if a.version >= service.V7 && ack {
		if a.ackRuns == nil {
			a.ackRuns = make(map[uint32]struct{})
		}
		a.ackRuns[m.CompletionID] = struct{}{}
	}
	a.hold(command.Effect{
		Kind: command.EffectRunCompletion, CompletionID: m.CompletionID, Result: m.Result,
	}, 0, now)
}

func (a *attempt) suspension(m *service.Suspension, now time.Time) *failure {
	if bad := a.checkFuture(&m.AwaitingOn); bad != nil {
		return bad
	}
	a.hold(command.Effect{Kind: command.EffectSuspended, Awaiting: m.AwaitingOn}, 0, now)
	a.ending = endSuspended
	return nil
}

// awaitingOn takes the hint that the handler waits: nothing more will come to be proposed together
// with what is held. The hint itself is shown to operators and not stored; one that is nested too
// deeply is not even shown.
func (a *attempt) awaitingOn(m *service.AwaitingOn) *failure {
	if m.AwaitingOn.IsEmpty() {
		return waitsForNothing()
	}
	if within(&m.AwaitingOn, a.futureDepth) {
		a.awaiting = &m.AwaitingOn
	}
	a.must = a.must || len(a.held) > 0 && !m.ExecutingSideEffects
	return nil
}

func (a *attempt) tooDeep() *failure {
	f := failed(docFutureDepth, "the awaited futures nest deeper than %d levels "+
		"(max-awaited-future-depth)", a.futureDepth)
	f.behavior = service.BehaviorPause
	return f
}

func waitsForNothing() *failure {
	return violation("the deployment waits for nothing: the awaited future is empty")
}

func (a *attempt) checkFuture(f *journal.Future) *failure {
	if f.IsEmpty() {
		return waitsForNothing()
	}
	if !within(f, a.futureDepth) {
		return a.tooDeep()
	}
	return nil
}

// within reports whether f has at most depth levels; its depth is bounded by the decoder.
func within(f *journal.Future, depth int) bool {
	if depth <= 0 {
		return false
	}
	for i := range f.Nested {
		if !within(&f.Nested[i], depth-1) {
			return false
		}
	}
	return true
}

func (a *attempt) errorMessage(m *service.ErrorMessage) *failure {
	f := &failure{
		code: m.Code, message: m.Message, stacktrace: m.Stacktrace, doc: docHandlerFailed,
		delay: m.NextRetryDelay, behavior: m.Behavior,
	}
	if m.CommandIndex != nil || m.CommandName != nil || m.CommandType != nil {
		f.related = &command.RelatedCommand{
			Index: value(m.CommandIndex), Name: value(m.CommandName),
			Type: journal.Type(value(m.CommandType)),
		}
	}
	switch m.Code {
	case protocol.CodeJournalMismatch:
		f.doc = docJournalMismatch
	case protocol.CodeProtocol:
		f.doc = docProtocol
	}
	return f
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// command takes a command, which becomes the next one of the journal.
func (a *attempt) command(f service.Frame, now time.Time) *failure {
	m, err := journal.Decode(f.Type, f.Body)
	if err != nil {
		return violation("%v", err)
	}
	e := command.Effect{
		Kind: command.EffectCommand, CommandIndex: a.commands, AckRequested: f.RequestedAck(),
		Entry: journal.Entry{Type: f.Type, Body: protocol.Inline(f.Body)},
	}
	if bad := a.check(f.Type, m, &e); bad != nil {
		return bad // without the command as the related one: the journal does not have it
	}
	a.commands++
	if f.Type == journal.TypeOutput {
		a.output = true
	} else {
		a.progress = true
	}
	d := holdFor(f.Type)
	if e.AckRequested {
		d = 0
	}
	a.hold(e, d, now)
	return nil
}

// holdFor says how long a command may be held back: not at all if the handler may wait for what it
// brings, briefly if others can see its effect, longer if only a repeated try would.
func holdFor(t journal.Type) time.Duration {
	switch t {
	case journal.TypeRun, journal.TypeOutput, journal.TypeGetEagerState, journal.TypeGetEagerStateKeys:
		return holdLonely
	case journal.TypeSetState, journal.TypeClearState, journal.TypeClearAllState,
		journal.TypeOneWayCall, journal.TypeSendSignal, journal.TypeCompleteAwakeable:
		return holdOutside
	}
	return 0
}

// check refuses what the handler may not do, and resolves what it calls.
func (a *attempt) check(t journal.Type, m journal.Message, e *command.Effect) *failure {
	switch m := m.(type) {
	case *journal.GetLazyState, *journal.GetLazyStateKeys,
		*journal.GetEagerState, *journal.GetEagerStateKeys:
		if !a.target.Keyed() {
			return failed(docRights, "%s: a service without keys has no state", t.Name())
		}
	case *journal.SetState, *journal.ClearState, *journal.ClearAllState:
		if !a.target.CanWriteState() {
			return failed(docRights, "%s: only an exclusive handler of a virtual object or the run "+
				"handler of a workflow may write state", t.Name())
		}
	case *journal.GetPromise, *journal.PeekPromise, *journal.CompletePromise:
		if a.target.Kind != protocol.KindWorkflow {
			return failed(docRights, "%s: only handlers of a workflow have promises", t.Name())
		}
	case *journal.Call:
		return a.resolveCallee(e, m.Service, m.Handler, m.Key, m.Scope, m.LimitKey, m.IdempotencyKey)
	case *journal.OneWayCall:
		return a.resolveCallee(e, m.Service, m.Handler, m.Key, m.Scope, m.LimitKey, m.IdempotencyKey)
	case *journal.SendSignal:
		if _, err := protocol.ParseInvocationID(m.Target); err != nil {
			return failed(docHandlerFailed, "SendSignal: %v", err)
		}
	case *journal.CompleteAwakeable:
		if _, err := protocol.ParseAwakeableID(m.AwakeableID); err != nil {
			return failed(docHandlerFailed, "CompleteAwakeable: %v", err)
		}
	}
	return nil
}

func (a *attempt) resolveCallee(
	e *command.Effect, svc, handler, key, scope, limitKey string, idempotencyKey *string,
) *failure {
	if scope == "" && limitKey != "" {
		return failed(docBadLimitKey, "call %s/%s: a limit key needs a scope", svc, handler)
	}
	r, err := a.resolve(svc, handler)
	if err != nil {
		var missing *schema.NotFoundError
		if !errors.As(err, &missing) {
			return failed("", "call %s/%s: %v", svc, handler, err)
		}
		advice := "" // the one for a service is in the error
		if missing.Handler != "" {
			advice = "; register a deployment that offers it"
		}
		return failed(docUnknownCallee, "call %s/%s: %v%s", svc, handler, err, advice)
	}
	if r.Service.Kind == protocol.KindService {
		key = ""
	}
	c := a.callee(r, key, scope, idempotencyKey)
	e.Callee, e.Entry.Callee = &c, c.ID
	return nil
}

// frameFailure is the failure that ended the parsing.
func frameFailure(err error) *failure {
	var f *failure
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, service.ErrFrameTooLarge):
		return failed(docMessageSize, "%v (message-size-limit)", err)
	}
	return violation("%v", err)
}

// refusal is the failure that the headers of an answer mean, or nil.
func refusal(status int, contentType, want, retryAfter string, now time.Time) *failure {
	switch {
	case status == 415:
		return failed(docUnsupported, "the deployment does not support %s (status 415): "+
			"register it again", want)
	case status == 413:
		return failed(docTooLarge, "the deployment refused the request for its size (status 413)")
	case status == 502 || status == 504:
		return failed(docUnavailable, "the deployment is unavailable (status %d)", status)
	case status == 429 || status == 503:
		f := failed(docRateLimited, "the deployment refused the request for now (status %d)", status)
		f.delay = parseRetryAfter(retryAfter, now)
		return f
	case status < 200 || status > 299:
		return violation("the deployment answered with status %d", status)
	case contentType != want:
		return violation("the deployment answered with content type %q, want %q", contentType, want)
	}
	return nil
}

// parseRetryAfter reads seconds or a date; nil if there is neither.
func parseRetryAfter(s string, now time.Time) *time.Duration {
	if s == "" {
		return nil
	}
	var d time.Duration
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		d = time.Duration(n) * time.Second
	} else if t, err := mail.ParseDate(s); err == nil {
		d = max(t.Sub(now), 0)
	} else {
		return nil
	}
	return &d
}

// clean makes the start of an error page fit to be shown.
func clean(b []byte) string {
	return strings.ToValidUTF8(strings.TrimSpace(string(b)), "?")
}
