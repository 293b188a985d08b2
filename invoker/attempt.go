package invoker

import (
	"errors"
	"time"

	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
	"github.com/perdure/perdure/protocol/service"
)

// settings are what a try is started with; they do not change.
type settings struct {
	version    service.Version
	deployment protocol.DeploymentID
	target     protocol.Target
	// bidi: the request stays open while the deployment answers.
	bidi              bool
	inactivity, abort time.Duration
	messageLimit      int // bytes
	futureDepth       int
	// resolve finds a called handler, callee makes what a call of it needs.
	resolve func(service, handler string) (*schema.Resolved, error)
	callee  func(r *schema.Resolved, key, scope string, idempotencyKey *string) command.Callee
}

// ending says how a try ended.
type ending uint8

const (
	endNone      ending = iota
	endSuspended        // the handler waits
	endCompleted        // the handler returned
	endFailed           // see attempt.failure
	endReload           // the journal moved on without the try; another one must load it
)

// attempt is one try as a core: it takes what happened and the time, and gathers frames for the
// deployment (out, closeSend) and effects for the log (take). It has no goroutine, lock or clock.
type attempt struct {
	settings
	parser *service.Parser

	ending  ending
	failure *failure // set with endFailed
	// refused is set when the answer's headers said no; the body's start explains.
	refused     *failure
	refusedBody []byte
	accepted    bool // the answer's headers were right

	// pin waits for the first effect that makes the journal longer.
	pin      bool
	commands uint32 // stored or proposed so far; the number of the next one
	output   bool   // there is an Output among them
	progress bool   // the handler got further than the journal

	held      []command.Effect
	heldBytes int
	must      bool      // held must be proposed now
	flushAt   time.Time // held must be proposed then

	loaded    uint32 // entries of the snapshot
	notified  uint32 // notifications delivered since
	own       uint32 // own commands handed to the log
	ownBefore uint32 // of these, how many the last notification came after
	ackRuns   map[uint32]struct{}
	awaiting  *journal.Future // what the handler last said it waits for

	out        []byte // frames to send
	closeSend  bool   // the request must be ended
	sendClosed bool
	lastActive time.Time // when a frame last went either way
}

// newAttempt starts a try: out holds Start and the journal afterwards.
func newAttempt(st settings, s *Snapshot, retryCount uint32, now time.Time) *attempt {
	a := &attempt{settings: st, lastActive: now, loaded: uint32(len(s.Entries))}
	a.parser = service.NewParser(st.messageLimit)
	a.pin = s.Deployment.IsZero()
	size := 0
	for i := range s.Entries {
		size += service.HeaderLen + s.Entries[i].Body.Len()
	}
	for i := range s.State {
		size += len(s.State[i].Key) + s.State[i].Value.Len()
	}
	a.out = make([]byte, 0, size+startRoom)
	a.appendStart(s, retryCount, now)
	for i := range s.Entries {
		e := &s.Entries[i]
		a.out = service.AppendFrame(a.out, e.Type, 0, e.Body.Inline)
		if e.Type.IsCommand() {
			a.commands++
			a.output = a.output || e.Type == journal.TypeOutput
		}
	}
	if !a.bidi {
		a.closeSend, a.sendClosed = true, true
	}
	return a
}

// startRoom is about what a Start message takes beside state.
const startRoom = 256

func (a *attempt) appendStart(s *Snapshot, retryCount uint32, now time.Time) {
	m := service.Start{
		ID: s.ID, KnownEntries: uint32(len(s.Entries)), Key: s.Target.Key,
		PartialState: !s.Target.Keyed() || s.StatePartial, RetryCount: retryCount,
		RandomSeed: s.RandomSeed, Scope: s.Scope, LimitKey: s.LimitKey, IdempotencyKey: s.IdempotencyKey,
	}
	if s.LastEntryAt != 0 {
		m.SinceLastEntry = max(now.Sub(s.LastEntryAt.Time()), 0)
	}
	if s.Target.Keyed() {
		m.State = make([]service.StateEntry, len(s.State))
		for i := range s.State {
			m.State[i] = service.StateEntry{Key: s.State[i].Key, Value: s.State[i].Value.Inline}
		}
	}
	a.out = service.AppendControl(a.out, a.version, &m)
}

// over reports whether the try has ended; what comes afterwards is ignored.
func (a *attempt) over() bool { return a.ending != endNone }

// answered takes the status and headers of the answer.
func (a *attempt) answered(status int, contentType, retryAfter string, now time.Time) {
	if a.over() {
		return
	}
	a.lastActive = now
	a.refused = refusal(status, contentType, service.ContentType(a.version), retryAfter, now)
	a.accepted = a.refused == nil
}

// data takes the next bytes of the answer; b is not kept.
func (a *attempt) data(b []byte, now time.Time) {
	if a.over() {
		return
	}
	if a.refused != nil {
		a.refusedBody = append(a.refusedBody, b[:min(len(b), maxRefusalBody-len(a.refusedBody))]...)
		if len(a.refusedBody) == maxRefusalBody {
			a.refuse()
		}
		return
	}
	a.lastActive = now
	err := a.parser.Feed(b, func(f service.Frame) error {
		if bad := a.frame(f, now); bad != nil {
			return bad
		}
		if a.over() {
			return errOver
		}
		return nil
	})
	if err != nil && !a.over() {
		a.fail(frameFailure(err))
	}
}

// errOver stops the parser after a last message; what follows it is ignored.
var errOver = errors.New("the try is over")

// closed takes the end of the answer.
func (a *attempt) closed(err error) {
	switch {
	case a.over():
	case a.refused != nil:
		a.refuse()
	case err != nil:
		a.fail(failed(docUnavailable, "the connection to the deployment broke: %v", err))
	default:
		if n, inside := a.parser.Partial(); inside {
			a.fail(failed(docHandlerFailed, "the deployment closed the stream inside a message, after %d "+
				"bytes of it", n))
			return
		}
		a.fail(failed(docHandlerFailed, "unknown: the deployment closed the stream without "+
			"suspending, ending or failing; see its own log"))
	}
}

func (a *attempt) refuse() {
	if len(a.refusedBody) > 0 {
		a.refused.message += ": " + clean(a.refusedBody)
	}
	a.fail(a.refused)
}

// tick takes the passing of time.
func (a *attempt) tick(now time.Time) {
	if a.over() {
		return
	}
	if a.refused != nil && now.Sub(a.lastActive) >= drainTimeout {
		a.refuse()
		return
	}
	if !a.sendClosed && now.Sub(a.lastActive) >= a.inactivity {
		a.closeSend, a.sendClosed, a.lastActive = true, true, now
	}
	if a.sendClosed && now.Sub(a.lastActive) >= a.abort {
		a.fail(failed(docAborted, "the deployment sent nothing for %v (the abort timeout)", a.abort))
	}
}

// next says when tick and take have something to do again.
func (a *attempt) next() time.Time {
	if a.over() {
		return time.Time{}
	}
	at := a.lastActive.Add(a.abort)
	switch {
	case a.refused != nil:
		at = a.lastActive.Add(drainTimeout)
	case !a.sendClosed:
		at = a.lastActive.Add(a.inactivity)
	}
	if len(a.held) > 0 && a.flushAt.Before(at) {
		at = a.flushAt
	}
	return at
}

// notify takes a notification that was appended at a journal index.
func (a *attempt) notify(index uint32, e *journal.Entry, now time.Time) {
	if a.over() || index < a.loaded {
		return
	}
	// Between two notifications lie only commands of this try. An index that this does not explain
	// means that the journal was changed by somebody else or that a notification was lost.
	before := int64(index) - int64(a.loaded) - int64(a.notified)
	if before < int64(a.ownBefore) || before > int64(a.own) {
		a.ending = endReload
		return
	}
	a.ownBefore = uint32(before)
	a.notified++
	if a.sendClosed {
		return // the handler will suspend and find it in its journal
	}
	a.lastActive, a.awaiting = now, nil
	if e.Type == journal.TypeRunCompletion && len(a.ackRuns) > 0 {
		if id, ok := completionID(e); ok {
			if _, ok := a.ackRuns[id]; ok {
				delete(a.ackRuns, id)
				m := &service.ProposeRunCompletionAck{CompletionID: id}
				a.out = service.AppendControl(a.out, a.version, m)
				return
			}
		}
	}
	a.out = service.AppendFrame(a.out, e.Type, 0, e.Body.Inline)
}

func completionID(e *journal.Entry) (uint32, bool) {
	m, err := journal.Decode(e.Type, e.Body.Inline)
	if err != nil {
		return 0, false
	}
	n, ok := m.(*journal.Notification)
	return n.ID.Index, ok && n.ID.Kind == journal.IDCompletion
}

// ack takes the storing of a command whose sender asked for it.
func (a *attempt) ack(commandIndex uint32, now time.Time) {
	if a.over() || a.sendClosed {
		return
	}
	a.lastActive = now
	a.out = service.AppendControl(a.out, a.version, &service.CommandAck{CommandIndex: commandIndex})
}

// hold keeps e to be proposed within d, at once if d is zero.
func (a *attempt) hold(e command.Effect, d time.Duration, now time.Time) {
	if at := now.Add(d); len(a.held) == 0 || at.Before(a.flushAt) {
		a.flushAt = at
	}
	a.held = append(a.held, e)
	a.heldBytes += effectBytes(&e)
	a.must = a.must || d == 0 || a.heldBytes >= maxBatchBytes
}

// take gives the effects that must be proposed now, as one record; nil if there are none.
func (a *attempt) take(now time.Time) []command.Effect {
	if len(a.held) == 0 || !a.must && !a.over() && now.Before(a.flushAt) {
		return nil
	}
	if a.ending == endFailed || a.ending == endReload {
		a.dropOutput()
	}
	effects := a.held
	if a.pin && len(effects) > 0 {
		a.pin = false
		effects = append([]command.Effect{{
			Kind: command.EffectPinDeployment, Deployment: a.deployment,
			ProtocolVersion: uint32(a.version),
		}}, effects...)
	}
	for i := range effects {
		if effects[i].Kind == command.EffectCommand {
			a.own++
		}
	}
	a.held, a.heldBytes, a.must = nil, 0, false
	return effects
}

// dropOutput forgets a held result of a try that failed: without its end it is worth nothing, and
// the next try brings another one.
func (a *attempt) dropOutput() {
	for i := range a.held {
		e := &a.held[i]
		if e.Kind == command.EffectCommand && e.Entry.Type == journal.TypeOutput {
			a.held = a.held[:i]
			return
		}
	}
}

func (a *attempt) fail(f *failure) { a.ending, a.failure = endFailed, f }

// effectBytes is about what an effect takes in memory and in the log.
func effectBytes(e *command.Effect) int {
	return e.Entry.Body.Len() + e.Result.Value.Len() + effectOverhead
}

const effectOverhead = 128
