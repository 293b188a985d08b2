package invoker

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
	"github.com/perdure/perdure/protocol/service"
)

// TestAttempt runs scripts against the core: frames and events in, frames and effects out.
//
//	new [version=6] [kind=service|object|shared|workflow] [mode=bidi|rr] [retries=n] [pinned]
//	    one stored entry per line, as in data
//	headers status=200 [type=...] [retry-after=...]
//	data [split]    frames that arrive together, one per line; split feeds them byte by byte
//	body            text that arrives as it is
//	notify index=n  one entry
//	ack index=n
//	close [err=...]
//	wait 10ms
func TestAttempt(t *testing.T) {
	datadriven.Walk(t, "testdata/attempt", func(t *testing.T, path string) {
		w := &attemptScript{t: t, now: time.UnixMilli(1_000_000)}
		datadriven.RunTest(t, path, w.run)
	})
}

type attemptScript struct {
	t   *testing.T
	a   *attempt
	now time.Time
}

func (w *attemptScript) run(t *testing.T, d *datadriven.TestData) string {
	arg := func(name, otherwise string) string {
		for _, a := range d.CmdArgs {
			if a.Key == name {
				return strings.Join(a.Vals, ",")
			}
		}
		return otherwise
	}
	number := func(name string) uint32 {
		n, err := strconv.ParseUint(arg(name, "0"), 10, 32)
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		return uint32(n)
	}
	switch d.Cmd {
	case "new":
		w.start(d, arg, number)
	case "headers":
		status, _ := strconv.Atoi(arg("status", "200"))
		w.a.answered(status, arg("type", service.ContentType(w.a.version)), arg("retry-after", ""), w.now)
	case "data":
		var b []byte
		for line := range strings.Lines(d.Input) {
			b = append(b, parseFrame(t, w.a.version, strings.TrimSpace(line))...)
		}
		if d.HasArg("split") {
			for i := range b {
				w.a.data(b[i:i+1], w.now)
			}
		} else {
			w.a.data(b, w.now)
		}
	case "body":
		w.a.data([]byte(d.Input), w.now)
	case "notify":
		e := parseEntry(t, strings.TrimSpace(d.Input))
		w.a.notify(number("index"), &e, w.now)
	case "ack":
		w.a.ack(number("index"), w.now)
	case "close":
		var err error
		if s := arg("err", ""); s != "" {
			err = fmt.Errorf("%s", s)
		}
		w.a.closed(err)
	case "wait":
		dur, err := time.ParseDuration(d.CmdArgs[0].Key)
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		w.now = w.now.Add(dur)
		w.a.tick(w.now)
	default:
		d.Fatalf(t, "unknown command %s", d.Cmd)
	}
	return w.describe()
}

func (w *attemptScript) start(
	d *datadriven.TestData, arg func(string, string) string, number func(string) uint32,
) {
	st := settings{
		version: service.Version(number("version")), deployment: testDeployment,
		target: testTarget(arg("kind", "service")), bidi: arg("mode", "bidi") == "bidi",
		inactivity: time.Minute, abort: 10 * time.Minute, messageLimit: 1000, futureDepth: 3,
		resolve: func(svc, handler string) (*schema.Resolved, error) {
			if svc != "Greeter" && svc != "Cart" {
				return nil, &schema.NotFoundError{Service: svc, Handler: handler}
			}
			kind := protocol.KindService
			if svc == "Cart" {
				kind = protocol.KindObject
			}
			return &schema.Resolved{
				Service: &schema.Service{Name: svc, Kind: kind}, Handler: &schema.Handler{Name: handler},
			}, nil
		},
		callee: func(r *schema.Resolved, key, scope string, idem *string) command.Callee {
			return command.Callee{ID: protocol.InvocationID{Key: 7}, Target: r.Target(key, scope)}
		},
	}
	if st.version == 0 {
		st.version = service.V6
	}
	idem := "idem"
	s := &Snapshot{
		ID: protocol.InvocationID{Key: 1}, Target: st.target, RandomSeed: 42,
		Scope: "scope", LimitKey: "limit", IdempotencyKey: &idem,
		LastEntryAt: protocol.MillisOf(w.now.Add(-time.Second)),
		State:       []command.StateEntry{{Key: []byte("k"), Value: protocol.Inline([]byte("v"))}},
	}
	if d.HasArg("pinned") {
		s.Deployment = testDeployment
	}
	for line := range strings.Lines(d.Input) {
		s.Entries = append(s.Entries, parseEntry(w.t, strings.TrimSpace(line)))
	}
	w.a = newAttempt(st, s, number("retries"), w.now)
}

var testDeployment = protocol.DeploymentID{1}

func testTarget(kind string) protocol.Target {
	t := protocol.Target{Kind: protocol.KindService, Service: "S", Handler: "h"}
	switch kind {
	case "object":
		t.Kind, t.HandlerKind, t.Key = protocol.KindObject, protocol.HandlerExclusive, "key"
	case "shared":
		t.Kind, t.HandlerKind, t.Key = protocol.KindObject, protocol.HandlerShared, "key"
	case "workflow":
		t.Kind, t.HandlerKind, t.Key = protocol.KindWorkflow, protocol.HandlerWorkflow, "key"
	}
	return t
}

// describe prints what the core wants done, as the shell would do it.
func (w *attemptScript) describe() string {
	var b strings.Builder
	p := service.NewParser(1 << 30)
	err := p.Feed(w.a.out, func(f service.Frame) error {
		b.WriteString("-> " + describeFrame(f, w.a.version) + "\n")
		return nil
	})
	if err != nil {
		w.t.Errorf("the server's own frames: %v", err)
	}
	w.a.out = nil
	if w.a.closeSend {
		w.a.closeSend = false
		b.WriteString("-> half close\n")
	}
	if effects := w.a.take(w.now); len(effects) > 0 {
		b.WriteString("=> ")
		for i := range effects {
			if i > 0 {
				b.WriteString("; ")
			}
			b.WriteString(describeEffect(&effects[i]))
		}
		b.WriteString("\n")
	}
	if len(w.a.held) > 0 {
		fmt.Fprintf(&b, "holds %d for %v\n", len(w.a.held), w.a.flushAt.Sub(w.now))
	}
	switch w.a.ending {
	case endNone:
	case endSuspended:
		b.WriteString("suspended\n")
	case endCompleted:
		b.WriteString("completed\n")
	case endReload:
		b.WriteString("reload\n")
	case endFailed:
		f := w.a.failure
		fmt.Fprintf(&b, "failed %s %v", f.doc, f)
		if f.related != nil {
			fmt.Fprintf(&b, " command=%d %s %q", f.related.Index, f.related.Type.Name(), f.related.Name)
		}
		if f.delay != nil {
			fmt.Fprintf(&b, " delay=%v", *f.delay)
		}
		if f.behavior != service.BehaviorRetry {
			fmt.Fprintf(&b, " behavior=%d", f.behavior)
		}
		b.WriteString("\n")
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}

func describeFrame(f service.Frame, v service.Version) string {
	if service.IsControl(f.Type) {
		m, err := service.Decode(f.Type, v, f.Body)
		if err != nil {
			return err.Error()
		}
		switch m := m.(type) {
		case *service.Start:
			idem := "none"
			if m.IdempotencyKey != nil {
				idem = *m.IdempotencyKey
			}
			return fmt.Sprintf("Start entries=%d state=%d partial=%v key=%q retries=%d since=%v seed=%d "+
				"scope=%q limit=%q idempotency=%s", m.KnownEntries, len(m.State), m.PartialState, m.Key,
				m.RetryCount, m.SinceLastEntry, m.RandomSeed, m.Scope, m.LimitKey, idem)
		case *service.CommandAck:
			return fmt.Sprintf("CommandAck %d", m.CommandIndex)
		case *service.ProposeRunCompletionAck:
			return fmt.Sprintf("ProposeRunCompletionAck %d", m.CompletionID)
		}
		return service.TypeName(f.Type)
	}
	return f.Type.String()
}

func describeEffect(e *command.Effect) string {
	switch e.Kind {
	case command.EffectPinDeployment:
		return fmt.Sprintf("pin v%d", e.ProtocolVersion)
	case command.EffectCommand:
		s := fmt.Sprintf("%s#%d", e.Entry.Type.Name(), e.CommandIndex)
		if e.AckRequested {
			s += " ack"
		}
		if e.Callee != nil {
			s += " of " + e.Callee.Target.String()
		}
		return s
	case command.EffectRunCompletion:
		if e.Result.Failure != nil {
			return fmt.Sprintf("result %d %v", e.CompletionID, e.Result.Failure)
		}
		return fmt.Sprintf("result %d %q", e.CompletionID, e.Result.Value.Inline)
	case command.EffectSuspended:
		return fmt.Sprintf("suspended on %v %v %q nested=%d", e.Awaiting.Completions, e.Awaiting.Signals,
			e.Awaiting.NamedSignals, len(e.Awaiting.Nested))
	case command.EffectEnd:
		return "end"
	}
	return fmt.Sprintf("effect %d", e.Kind)
}

func parseEntry(t *testing.T, line string) journal.Entry {
	m := parseMessage(t, line)
	return journal.Entry{Type: m.Type(), Body: protocol.Inline(m.Append(nil))}
}

// fields splits "word a=b c=d" into the word and its arguments.
func fields(t *testing.T, line string) (string, func(string) string, func(string) uint32) {
	words := strings.Fields(line)
	args := make(map[string]string)
	for _, w := range words[1:] {
		k, v, _ := strings.Cut(w, "=")
		args[k] = v
	}
	text := func(k string) string { return args[k] }
	return words[0], text, func(k string) uint32 {
		if args[k] == "" {
			return 0
		}
		n, err := strconv.ParseUint(args[k], 0, 32)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		return uint32(n)
	}
}

func parseMessage(t *testing.T, line string) journal.Message {
	word, text, num := fields(t, line)
	switch word {
	case "input":
		return &journal.Input{Value: []byte(text("value"))}
	case "output":
		if text("failure") != "" {
			return &journal.Output{Result: protocol.Failed(protocol.Failure{Code: 500, Message: text("failure")})}
		}
		return &journal.Output{Result: protocol.Success([]byte(text("value")))}
	case "run":
		return &journal.Run{CompletionID: num("id"), Name: text("name")}
	case "sleep":
		return &journal.Sleep{WakeUp: 5, CompletionID: num("id")}
	case "wake":
		at, _ := strconv.ParseUint(text("at"), 10, 64)
		return &journal.Sleep{WakeUp: protocol.Millis(at), CompletionID: num("id")}
	case "get":
		return &journal.GetLazyState{Key: []byte(text("key")), CompletionID: num("id")}
	case "set":
		return &journal.SetState{Key: []byte(text("key")), Value: []byte(text("value"))}
	case "clear":
		return &journal.ClearAllState{}
	case "eager":
		return &journal.GetEagerState{Key: []byte(text("key")), Void: true}
	case "promise":
		return &journal.GetPromise{Key: text("key"), CompletionID: num("id")}
	case "call":
		return &journal.Call{
			Service: text("service"), Handler: "greet", Key: text("key"), CompletionID: num("id"),
			InvocationIDIndex: num("idx"), LimitKey: text("limit"),
		}
	case "send":
		return &journal.OneWayCall{
			Service: text("service"), Handler: "greet", Key: text("key"), InvocationIDIndex: num("idx"),
		}
	case "signal":
		target := text("target")
		if target == "" {
			target = protocol.InvocationID{Key: 9}.String()
		}
		return &journal.SendSignal{Target: target, Signal: journal.Signal(1), Result: journal.Void()}
	case "awakeable":
		return &journal.CompleteAwakeable{AwakeableID: text("id"), Result: protocol.Success(nil)}
	case "done":
		return &journal.Notification{
			NotificationType: journal.Type(num("type")), ID: journal.Completion(num("id")), Result: journal.Void(),
		}
	case "cancelled":
		return &journal.Notification{
			NotificationType: journal.TypeSignal, ID: journal.Signal(1), Result: journal.Void(),
		}
	}
	t.Fatalf("unknown message %q", line)
	return nil
}

func parseFrame(t *testing.T, v service.Version, line string) []byte {
	word, text, num := fields(t, line)
	flags := uint16(0)
	if text("ack") != "" {
		flags = service.FlagRequestedAck
	}
	control := func(m service.Control) []byte {
		b := service.AppendControl(nil, v, m)
		b[2] |= byte(flags >> 8)
		return b
	}
	switch word {
	case "end":
		return control(&service.End{})
	case "result":
		m := &service.ProposeRunCompletion{CompletionID: num("id"), Result: protocol.Success([]byte(text("value")))}
		if text("failure") != "" {
			m.Result = protocol.Failed(protocol.Failure{Code: 418, Message: text("failure")})
		}
		return control(m)
	case "suspend":
		return control(&service.Suspension{AwaitingOn: parseFuture(t, text, num)})
	case "awaiting":
		return control(&service.AwaitingOn{
			AwaitingOn: parseFuture(t, text, num), ExecutingSideEffects: text("busy") != "",
		})
	case "error":
		m := &service.ErrorMessage{Code: num("code"), Message: text("message")}
		if text("delay") != "" {
			d := time.Duration(num("delay")) * time.Millisecond
			m.NextRetryDelay = &d
		}
		if text("command") != "" {
			i, typ := num("command"), uint32(journal.TypeRun)
			name := text("name")
			m.CommandIndex, m.CommandName, m.CommandType = &i, &name, &typ
		}
		m.Behavior = service.Behavior(num("behavior"))
		return control(m)
	case "raw":
		return service.AppendFrame(nil, journal.Type(num("type")), 0, []byte(text("body")))
	case "huge":
		return service.AppendHeader(nil, service.FrameHeader{Type: journal.TypeOutput, Length: 1 << 31})
	}
	return service.AppendEntry(nil, flags, parseMessage(t, line))
}

func parseFuture(t *testing.T, text func(string) string, num func(string) uint32) journal.Future {
	var f journal.Future
	if text("completion") != "" {
		f.Completions = []uint32{num("completion")}
	}
	if text("signal") != "" {
		f.Signals = []uint32{num("signal")}
	}
	if text("named") != "" {
		f.NamedSignals = []string{text("named")}
	}
	for range num("depth") {
		f = journal.Future{Nested: []journal.Future{f}, Combinator: journal.CombinatorAllCompleted}
	}
	return f
}
