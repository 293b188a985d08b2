package invoker

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
	"github.com/perdure/perdure/protocol/service"
)

// FuzzAttempt plays a deployment that sends anything: input are events, each a kind, a length of
// two bytes, and what comes with it. Whatever happens, the try ends in a defined way, and what it
// proposed can be read back from the log.
func FuzzAttempt(f *testing.F) {
	event := func(kind byte, b []byte) []byte {
		return append(binary.BigEndian.AppendUint16([]byte{kind}, uint16(len(b))), b...)
	}
	control := func(m service.Control) []byte { return service.AppendControl(nil, service.V7, m) }
	entry := func(m journal.Message) []byte {
		return service.AppendEntry(nil, service.FlagRequestedAck, m)
	}
	output := entry(&journal.Output{Result: protocol.Success([]byte("1"))})
	for i, b := range [][]byte{
		event(0, append(output, control(&service.End{})...)),
		event(0, control(&service.Suspension{AwaitingOn: journal.Future{Completions: []uint32{1}}})),
		event(0, control(&service.ErrorMessage{Code: 500, Message: "on purpose"})),
		append(event(0, entry(&journal.Run{CompletionID: 1})), event(0, control(
			&service.ProposeRunCompletion{CompletionID: 1, Result: protocol.Success(nil)}))...),
		append(event(0, entry(&journal.Call{Service: "Greeter", Handler: "greet"})),
			event(3, []byte{0, 2, 1})...),
		append(event(2, []byte{200}), event(0, output[:5])...),
		append(event(1, []byte{255}), event(4, nil)...),
		event(0, control(&service.AwaitingOn{AwaitingOn: journal.Future{Signals: []uint32{17}}})),
		event(5, []byte{4, 3}),
	} {
		f.Add(byte(i), byte(i), b)
	}
	f.Fuzz(func(t *testing.T, version, kind byte, input []byte) {
		kinds := []string{"service", "object", "shared", "workflow"}
		p := &fuzzedAttempt{t: t, now: time.UnixMilli(1_000_000)}
		p.a = newAttempt(settings{
			version: service.V5 + service.Version(version%3), deployment: testDeployment,
			target: testTarget(kinds[kind%4]), bidi: kind&4 == 0,
			inactivity: time.Minute, abort: 10 * time.Minute, messageLimit: 1 << 20,
			futureDepth: 5, resolve: resolveGreeter,
			callee: func(r *schema.Resolved, key, scope string, _ *string) command.Callee {
				return command.Callee{ID: protocol.InvocationID{Key: 7}, Target: r.Target(key, scope)}
			},
		}, &Snapshot{ID: protocol.InvocationID{Key: 1}, Entries: []journal.Entry{{
			Type: journal.TypeInput, Body: protocol.Inline((&journal.Input{}).Append(nil)),
		}}}, 0, p.now)
		p.commands = 1
		p.a.answered(200, service.ContentType(p.a.version), "", p.now)
		for len(input) >= 3 {
			kind, n := input[0], int(binary.BigEndian.Uint16(input[1:]))
			input = input[3:]
			n = min(n, len(input))
			p.event(kind, input[:n])
			input = input[n:]
		}
		p.a.closed(nil)
		p.settle()
		p.check()
	})
}

func resolveGreeter(svc, handler string) (*schema.Resolved, error) {
	if svc != "Greeter" {
		return nil, &schema.NotFoundError{Service: svc, Handler: handler}
	}
	return &schema.Resolved{
		Service: &schema.Service{Name: svc, Kind: protocol.KindService},
		Handler: &schema.Handler{Name: handler},
	}, nil
}

// fuzzedAttempt drives a core as its shell would.
type fuzzedAttempt struct {
	t        *testing.T
	a        *attempt
	now      time.Time
	commands uint32 // in the log, and the input
	outputs  int
	ends     int // effects that end the try
}

func (p *fuzzedAttempt) event(kind byte, b []byte) {
	was := p.a.ending
	switch kind % 6 {
	case 0:
		p.a.data(b, p.now)
	case 1: // byte by byte
		for i := range b {
			p.a.data(b[i:i+1], p.now)
		}
	case 2: // time passes
		for _, minutes := range b {
			p.now = p.now.Add(time.Duration(minutes) * time.Second * 10)
			p.a.tick(p.now)
		}
	case 3: // a notification at any index
		if len(b) > 2 {
			e := journal.Entry{Type: journal.TypeRunCompletion, Body: protocol.Inline(b[2:])}
			p.a.notify(uint32(binary.BigEndian.Uint16(b)), &e, p.now)
		}
	case 4:
		p.a.closed(errors.New("reset"))
	case 5:
		if len(b) > 1 { // headers again, which a broken proxy may send
			p.a.answered(100*int(b[0]%7), "text/html", string(b[1:]), p.now)
		}
	}
	if was != endNone && p.a.ending != was {
		p.t.Fatalf("the try ended as %d, and then as %d", was, p.a.ending)
	}
	p.settle()
}

// settle takes what the core wants done and checks it.
func (p *fuzzedAttempt) settle() {
	own := service.NewParser(1 << 30)
	if err := own.Feed(p.a.out, func(service.Frame) error { return nil }); err != nil {
		p.t.Fatalf("the server's own frames: %v", err)
	}
	if _, inside := own.Partial(); inside {
		p.t.Fatal("the server's own frames end inside a frame")
	}
	p.a.out, p.a.closeSend = nil, false
	effects := p.a.take(p.now)
	if len(effects) == 0 {
		return
	}
	for i := range effects {
		switch e := &effects[i]; e.Kind {
		case command.EffectCommand:
			if e.CommandIndex != p.commands {
				p.t.Fatalf("command %d is proposed as number %d", p.commands, e.CommandIndex)
			}
			p.commands++
			if e.Entry.Type == journal.TypeOutput {
				p.outputs++
			}
			if _, err := journal.Decode(e.Entry.Type, e.Entry.Body.Inline); err != nil {
				p.t.Fatalf("an entry that nobody can read is proposed: %v", err)
			}
		case command.EffectEnd, command.EffectSuspended:
			p.ends++
		}
	}
	record := command.Encode(nil, &command.Header{}, &command.InvokerEffect{Effects: effects})
	if _, _, err := command.Decode(record); err != nil {
		p.t.Fatalf("a record that nobody can read is proposed: %v", err)
	}
}

// check looks at how the try has ended.
func (p *fuzzedAttempt) check() {
	switch a := p.a; a.ending {
	case endNone:
		p.t.Fatal("the answer has ended and the try has not")
	case endCompleted:
		if p.outputs == 0 || p.ends != 1 {
			p.t.Fatalf("completed with %d outputs and %d ends", p.outputs, p.ends)
		}
	case endSuspended:
		if p.ends != 1 {
			p.t.Fatalf("suspended with %d ends", p.ends)
		}
	case endFailed:
		if a.failure == nil || a.failure.message == "" && a.failure.doc == "" || p.ends != 0 {
			p.t.Fatalf("failed with %v and %d ends", a.failure, p.ends)
		}
	case endReload:
		if p.ends != 0 {
			p.t.Fatalf("reloads with %d ends", p.ends)
		}
	default:
		p.t.Fatalf("ended as %d", a.ending)
	}
}
