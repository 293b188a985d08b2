package machine

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// effects reads one effect a line: a name and then key=value. A number first makes the effect a
// journal command of that index. The attempt is the current one unless it says attempt=other
// or attempt=former.
func (s *script) effects(t *testing.T, a args) command.Command {
	c := &command.InvokerEffect{ID: s.id(a.text("id", "a"))}
	st, _, err := s.store.Reader().GetStatus(c.ID)
	if err != nil {
		t.Fatal(err)
	}
	c.Attempt = st.Attempt
	switch a.text("attempt", "current") {
	case "other":
		c.Attempt++
	case "former":
		c.Attempt--
	}
	for _, line := range strings.Split(a.Input, "\n") {
		words := strings.Fields(line)
		index, err := strconv.ParseUint(words[0], 10, 32)
		if err != nil {
			c.Effects = append(c.Effects, effectOf(t, words[0], parseWords(words[1:])))
			continue
		}
		c.Effects = append(c.Effects, s.commandEffect(t, uint32(index), words[1], parseWords(words[2:])))
	}
	return c
}

type words map[string]string

func parseWords(list []string) words {
	w := words{}
	for _, word := range list {
		key, value, _ := strings.Cut(word, "=")
		w[key] = value
	}
	return w
}

func (w words) number(key string) uint32 {
	n, _ := strconv.ParseUint(w[key], 10, 32)
	return uint32(n)
}

func (w words) numbers(key string) (list []uint32) {
	if w[key] == "" {
		return nil
	}
	for _, text := range strings.Split(w[key], ",") {
		n, _ := strconv.ParseUint(text, 10, 32)
		list = append(list, uint32(n))
	}
	return list
}

func (w words) result() protocol.Result {
	if failure, ok := w["failure"]; ok {
		return protocol.Failed(protocol.Failure{Code: 500, Message: failure})
	}
	if n := w.number("large"); n > 0 {
		return protocol.Success(bytes.Repeat([]byte("x"), int(n)))
	}
	return protocol.Success([]byte(w["value"]))
}

var combinators = map[string]journal.Combinator{
	"any": journal.CombinatorFirstCompleted, "all": journal.CombinatorAllCompleted,
	"first-success": journal.CombinatorFirstSucceededOrAllFailed,
	"all-success":   journal.CombinatorAllSucceededOrFirstFailed,
}

func (w words) future() journal.Future {
	f := journal.Future{
		Completions: w.numbers("completions"), Signals: w.numbers("signals"),
		Combinator: combinators[w["of"]],
	}
	if name, ok := w["named"]; ok {
		f.NamedSignals = []string{name}
	}
	if nested := w.numbers("nested-all"); nested != nil {
		f.Nested = []journal.Future{{
			Completions: nested, Combinator: journal.CombinatorAllCompleted,
		}}
	}
	return f
}

func effectOf(t *testing.T, name string, w words) command.Effect {
	failure := command.AttemptError{Failure: protocol.Failure{Code: 500, Message: w["error"]}}
	switch name {
	case "pin":
		e := command.Effect{Kind: command.EffectPinDeployment, ProtocolVersion: w.number("version")}
		copy(e.Deployment[:], "dp")
		return e
	case "run-completion":
		return command.Effect{
			Kind: command.EffectRunCompletion, CompletionID: w.number("completion"), Result: w.result(),
		}
	case "suspended":
		return command.Effect{Kind: command.EffectSuspended, Awaiting: w.future()}
	case "awaiting":
		return command.Effect{Kind: command.EffectAwaitingOn, Awaiting: w.future()}
	case "end":
		return command.Effect{Kind: command.EffectEnd}
	case "failed":
		return command.Effect{Kind: command.EffectFailed, Error: failure}
	case "paused":
		return command.Effect{Kind: command.EffectPaused, Error: failure}
	case "transient-error":
		return command.Effect{Kind: command.EffectTransientError, Error: failure}
	}
	t.Fatalf("unknown effect %s", name)
	return command.Effect{}
}

func (s *script) commandEffect(t *testing.T, index uint32, name string, w words) command.Effect {
	e := command.Effect{Kind: command.EffectCommand, CommandIndex: index}
	if _, ack := w["ack"]; ack {
		e.AckRequested = true
	}
	completion := w.number("completion")
	messages := map[string]func() journal.Message{
		"output": func() journal.Message { return &journal.Output{Result: w.result()} },
		"run": func() journal.Message {
			return &journal.Run{CompletionID: completion, Name: w["name"]}
		},
		"get-state": func() journal.Message {
			return &journal.GetLazyState{Key: []byte(w["key"]), CompletionID: completion}
		},
		"get-keys": func() journal.Message {
			return &journal.GetLazyStateKeys{CompletionID: completion}
		},
		"set-state": func() journal.Message {
			return &journal.SetState{Key: []byte(w["key"]), Value: []byte(w["value"])}
		},
		"clear-state": func() journal.Message { return &journal.ClearState{Key: []byte(w["key"])} },
		"clear-all":   func() journal.Message { return &journal.ClearAllState{} },
		"eager-state": func() journal.Message {
			return &journal.GetEagerState{Key: []byte(w["key"]), Void: true}
		},
		"get-promise": func() journal.Message {
			return &journal.GetPromise{Key: w["key"], CompletionID: completion}
		},
		"peek-promise": func() journal.Message {
			return &journal.PeekPromise{Key: w["key"], CompletionID: completion}
		},
		"input":         func() journal.Message { return &journal.Input{} },
		"await-attach":  func() journal.Message { return s.attachMessage(w) },
		"await-output":  func() journal.Message { return s.outputMessage(w) },
		"complete-sign": func() journal.Message { return s.awakeableMessage(w, false) },
		"complete-prom": func() journal.Message { return s.awakeableMessage(w, true) },
		"complete-promise": func() journal.Message {
			return &journal.CompletePromise{Key: w["key"], Result: w.result(), CompletionID: completion}
		},
		"sleep": func() journal.Message {
			return &journal.Sleep{WakeUp: protocol.Millis(w.number("until")), CompletionID: completion}
		},
		"send-signal": func() journal.Message {
			return &journal.SendSignal{
				Target: s.id(w["to"]).String(), Signal: journal.Signal(w.number("signal")),
				Result: journal.Void(),
			}
		},
		"call": func() journal.Message {
			return &journal.Call{
				Service: "Greeter", Handler: "greet", Parameter: []byte(w["value"]),
				InvocationIDIndex: w.number("id-completion"), CompletionID: completion,
			}
		},
		"send": func() journal.Message {
			return &journal.OneWayCall{
				Service: "Greeter", Handler: "greet", Parameter: []byte(w["value"]),
				InvocationIDIndex: w.number("id-completion"),
				InvokeTime:        protocol.Millis(w.number("not-before")),
			}
		},
	}
	if name == "garbage" {
		e.Entry = journal.Entry{Type: journal.TypeSleep, Body: protocol.Inline([]byte{0xff})}
		return e
	}
	if messages[name] == nil {
		t.Fatalf("unknown journal command %s", name)
	}
	m := messages[name]()
	e.Entry = journal.Entry{Type: m.Type(), Body: protocol.Inline(m.Append(nil))}
	if callee, ok := w["to"]; ok && (name == "call" || name == "send") {
		e.Callee = &command.Callee{
			ID: s.id(callee), Target: args{}.target(), JournalRetention: 1e9,
		}
	}
	return e
}

func (s *script) attachMessage(w words) journal.Message {
	return &journal.AttachInvocation{
		Target:       journal.InvocationTarget{InvocationID: s.id(w["to"]).String()},
		CompletionID: w.number("completion"),
	}
}

func (s *script) outputMessage(w words) journal.Message {
	return &journal.GetInvocationOutput{
		Target:       journal.InvocationTarget{InvocationID: s.id(w["to"]).String()},
		CompletionID: w.number("completion"),
	}
}

func (s *script) awakeableMessage(w words, old bool) journal.Message {
	id := protocol.AwakeableID{Invocation: s.id(w["to"]), Index: w.number("index"), Old: old}
	return &journal.CompleteAwakeable{AwakeableID: id.String(), Result: w.result()}
}
