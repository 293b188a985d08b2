package machine

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// args reads the arguments of a directive.
type args struct{ *datadriven.TestData }

func (a args) text(key, otherwise string) string {
	for _, arg := range a.CmdArgs {
		if arg.Key == key && len(arg.Vals) > 0 {
			return strings.Join(arg.Vals, ",")
		}
	}
	return otherwise
}

func (a args) has(key string) bool {
	for _, arg := range a.CmdArgs {
		if arg.Key == key {
			return true
		}
	}
	return false
}

func (a args) number(key string, otherwise uint64) uint64 {
	if !a.has(key) {
		return otherwise
	}
	n, err := strconv.ParseUint(a.text(key, ""), 10, 64)
	if err != nil {
		panic(a.Pos + ": " + err.Error())
	}
	return n
}

func (a args) duration(key string) time.Duration {
	return time.Duration(a.number(key, 0)) * time.Millisecond
}

func (a args) request() (r command.RequestID) {
	copy(r[:], a.text("request", ""))
	return r
}

func (a args) producer() command.Producer {
	switch {
	case a.has("epoch"):
		return command.Producer{
			Kind: command.ProducerLeader, Epoch: protocol.Epoch(a.number("epoch", 0)),
		}
	case a.has("partition"):
		return command.Producer{
			Kind:      command.ProducerPartition,
			Partition: protocol.PartitionID(a.number("partition", 0)),
		}
	case a.has("stream"):
		return command.Producer{Kind: command.ProducerExternal, Name: a.text("stream", "")}
	}
	return command.Producer{}
}

// target reads Service/handler, Object/key/handler, and with kind=workflow Workflow/key/run;
// shared is for the other handlers.
func (a args) target() protocol.Target {
	text := "Greeter/greet"
	if a.TestData != nil {
		text = a.text("target", text)
	}
	parts := strings.Split(text, "/")
	t := protocol.Target{Kind: protocol.KindService, Service: parts[0], Handler: parts[1]}
	if len(parts) == 2 {
		return t
	}
	t.Kind, t.HandlerKind = protocol.KindObject, protocol.HandlerExclusive
	t.Key, t.Handler = parts[1], parts[2]
	if a.text("kind", "") == "workflow" {
		t.Kind, t.HandlerKind = protocol.KindWorkflow, protocol.HandlerWorkflow
	}
	if a.has("shared") {
		t.HandlerKind = protocol.HandlerShared
	}
	return t
}

// waiter reads name:completion.
func (s *script) waiter(text string, t journal.Type) command.Waiter {
	name, completion, _ := strings.Cut(text, ":")
	n, err := strconv.ParseUint(completion, 10, 32)
	if err != nil {
		panic(err)
	}
	return command.Waiter{Invocation: s.id(name), CompletionID: uint32(n), Type: t}
}

func (s *script) command(t *testing.T, a args) command.Command {
	id := s.id(a.text("id", "a"))
	switch a.Cmd {
	case "invoke":
		return s.invoke(a)
	case "effect":
		return s.effects(t, a)
	case "timer":
		kinds := map[string]command.TimerKind{
			"sleep": command.TimerSleep, "scheduled": command.TimerScheduled,
			"retention": command.TimerRetention, "journal": command.TimerJournal,
			"answers": command.TimerAnswers,
		}
		if a.text("kind", "") == "answers" {
			id = protocol.InvocationID{}
		}
		return &command.TimerFired{Timer: command.Timer{
			Due: protocol.Millis(a.number("due", 0)), Kind: kinds[a.text("kind", "")],
			Invocation: id, CompletionID: uint32(a.number("completion", 0)),
		}}
	case "complete":
		typ := journal.TypeCallCompletion
		if a.has("old") {
			typ = 0
		}
		return &command.Complete{
			ID: id, CompletionID: uint32(a.number("completion", 0)), Type: typ, Life: a.number("life", 0),
			Result: a.result(), Request: a.request(),
		}
	case "signal":
		n := journal.Signal(uint32(a.number("signal", 17)))
		if a.has("name") {
			n = journal.NamedSignal(a.text("name", ""))
		}
		return &command.Signal{ID: id, Signal: n, Result: a.result(), Request: a.request()}
	case "attach":
		return &command.Attach{
			ID: id, Waiter: s.waiter(a.text("waiter", ""), journal.TypeAttachInvocationCompletion),
		}
	case "get-output":
		return &command.GetOutput{
			ID: id, Waiter: s.waiter(a.text("waiter", ""), journal.TypeGetInvocationOutputCompletion),
		}
	}
	return s.control(t, a, id)
}

func (s *script) control(t *testing.T, a args, id protocol.InvocationID) command.Command {
	request := a.request()
	switch a.Cmd {
	case "cancel":
		return &command.Terminate{ID: id, Mode: command.TerminateCancel, Request: request}
	case "kill":
		return &command.Terminate{ID: id, Mode: command.TerminateKill, Request: request}
	case "purge":
		return &command.Purge{ID: id, Request: request}
	case "purge-journal":
		return &command.PurgeJournal{ID: id, Request: request}
	case "pause":
		return &command.Pause{ID: id, Request: request}
	case "resume":
		return &command.Resume{
			ID: id, Deployment: a.deployment(), ProtocolVersion: 6, Request: request,
		}
	case "restart":
		return &command.Restart{
			ID: id, NewID: s.id(a.text("new", "")), From: uint32(a.number("from", 0)),
			Deployment: a.deployment(), ProtocolVersion: 6, Request: request,
		}
	case "patch-state":
		c := &command.PatchState{
			Service: a.text("service", ""), Key: a.text("key", ""), Request: request,
		}
		if a.has("version") {
			version := a.text("version", "")
			c.Version = &version
		}
		for _, line := range strings.Fields(a.Input) {
			key, value, _ := strings.Cut(line, "=")
			c.State = append(c.State, command.StateEntry{
				Key: []byte(key), Value: protocol.Inline([]byte(value)),
			})
		}
		return c
	case "announce-leader":
		return &command.AnnounceLeader{Node: a.text("node", "n1")}
	case "version-barrier":
		return &command.VersionBarrier{Feature: command.Feature(a.number("feature", 0))}
	case "compare-digest":
		return &command.CompareDigest{LSN: s.lsn - 10, Digest: a.number("digest", 0)}
	case "truncate-outbox":
		c := &command.TruncateOutbox{}
		for _, text := range strings.Split(a.text("sequences", ""), ",") {
			n, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			c.Sequences = append(c.Sequences, n)
		}
		return c
	case "envelope": // every line: sequence, then the name of what is invoked or "signal name"
		c := &command.Envelope{}
		for _, line := range strings.Split(a.Input, "\n") {
			sequence, name, _ := strings.Cut(line, " ")
			n, err := strconv.ParseUint(sequence, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			m := command.Message{Sequence: n, Command: &command.Invoke{
				ID: s.id(name), Target: a.target(), Source: command.Source{Kind: command.SourceIngress},
			}}
			if name, ok := strings.CutPrefix(name, "signal "); ok {
				m.Command = &command.Signal{
					ID: s.id(name), Signal: journal.Signal(17), Result: journal.Void(),
				}
			}
			c.Messages = append(c.Messages, m)
		}
		return c
	}
	t.Fatalf("%s: unknown directive %s", a.Pos, a.Cmd)
	return nil
}

func (a args) deployment() (d protocol.DeploymentID) {
	copy(d[:], a.text("deployment", ""))
	return d
}

func (a args) result() journal.NotificationResult {
	switch {
	case a.has("failure"):
		return journal.Failure(protocol.Failure{Code: 500, Message: a.text("failure", "")})
	case a.has("value"):
		return journal.Value([]byte(a.text("value", "")))
	}
	return journal.Void()
}

func (s *script) invoke(a args) command.Command {
	c := &command.Invoke{
		ID: s.id(a.text("id", "a")), Target: a.target(),
		Parameter: protocol.Inline([]byte(a.Input)), Request: a.request(),
		Source:              command.Source{Kind: command.SourceIngress},
		ExecutionTime:       protocol.Millis(a.number("not-before", 0)),
		CompletionRetention: a.duration("retention"), JournalRetention: a.duration("journal"),
	}
	if a.has("waiter") {
		w := s.waiter(a.text("waiter", ""), journal.TypeCallCompletion)
		c.Waiter = &w
	}
	return c
}
