package noderpc

import (
	"reflect"
	"testing"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/wire"
	"github.com/perdure/perdure/protocol/wire/wiretest"
)

const golden = "testdata/noderpc.golden"

// requests are one of each method.
func requests() map[string]Request {
	id := protocol.InvocationID{Key: 5, UUID: [16]byte{1, 2, 3}}
	trace := protocol.TraceContext{TraceID: [16]byte{9}, SpanID: [8]byte{8}, Flags: 1}
	invoke := &command.Invoke{ID: id, Parameter: protocol.Inline([]byte("in")), Request: command.RequestID{7}}
	return map[string]Request{
		"request": {
			Method: MethodRequest, Partition: 3, Key: 5, Trace: trace, ID: command.RequestID{7},
			Command: &command.Purge{ID: id, Request: command.RequestID{7}},
		},
		"call":   {Method: MethodCall, Partition: 3, Key: 5, Trace: trace, Command: invoke, OnlyNew: true},
		"attach": {Method: MethodAttach, Partition: 3, Invocation: id},
		"output": {Method: MethodOutput, Partition: 3, Invocation: id},
		"pinned": {Method: MethodPinned, Partition: 3, Invocation: id},
		"messages": {
			Method: MethodMessages, Partition: 3, Key: 5, From: 2,
			Command: &command.Envelope{Messages: []command.Message{{Sequence: 4, Key: 5, Command: invoke}}},
		},
		"schema":  {Method: MethodSchema, Version: 12},
		"explain": {Method: MethodExplain, Partition: 3, Invocation: id},
		"callee": {
			Method: MethodCallee, Partition: 3, Invocation: id,
			Waiter: command.Waiter{Invocation: id, CompletionID: 7, Type: 0x8000},
		},
		"lead anew": {Method: MethodLeadAnew, Partition: 3, Invocation: id},
	}
}

func answers() map[string]Answer {
	return map[string]Answer{
		"done": {
			Outcome: OutcomeDone, Existed: true,
			Reply: command.Reply{
				Status: command.ReplyCompleted, Result: &protocol.Result{Value: protocol.Inline([]byte("out"))},
			},
		},
		"pinned": {
			Outcome: OutcomeDone, Found: true, Deployment: protocol.DeploymentID{4}, Version: 6,
			Target: protocol.Target{Kind: protocol.KindService, Service: "S", Handler: "h"},
		},
		"explain":    {Outcome: OutcomeDone, Found: true, JSON: []byte("{}")},
		"not leader": {Outcome: OutcomeNotLeader},
		"failed":     {Outcome: OutcomeFailed, Text: "why"},
	}
}

func TestGolden(t *testing.T) {
	var samples []wiretest.Sample
	for _, name := range []string{"request", "call", "attach", "output", "pinned", "messages", "schema",
		"explain", "callee", "lead anew"} {
		r := requests()[name]
		samples = append(samples, wiretest.Sample{Name: "request/" + name, Data: r.Append(nil)})
	}
	for _, name := range []string{"done", "pinned", "explain", "not leader", "failed"} {
		a := answers()[name]
		samples = append(samples, wiretest.Sample{
			Name: "answer/" + name, Data: a.Append(nil), Expand: []wire.Number{3, 6},
		})
	}
	wiretest.Golden(t, golden, samples)
	stored := wiretest.Load(t, golden)
	for name, want := range requests() {
		if got, err := DecodeRequest(stored["request/"+name]); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s decodes as %+v, %v; want %+v", name, got, err, want)
		}
	}
	for name, want := range answers() {
		if got, err := DecodeAnswer(stored["answer/"+name]); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s decodes as %+v, %v; want %+v", name, got, err, want)
		}
	}
}

func TestRequestsThatLackSomethingAreRefused(t *testing.T) {
	for method := range Method(20) {
		r := Request{Method: method, Partition: 1}
		if got, err := DecodeRequest(r.Append(nil)); err == nil {
			t.Errorf("method %d without anything was read as %+v", method, got)
		}
	}
	call := Request{Method: MethodCall, Command: &command.Purge{}}
	messages := Request{Method: MethodMessages, Command: &command.Envelope{}}
	for _, r := range []Request{call, messages} {
		if _, err := DecodeRequest(r.Append(nil)); err == nil {
			t.Errorf("method %d took a %T", r.Method, r.Command)
		}
	}
	if _, err := DecodeAnswer(nil); err == nil {
		t.Error("an answer without an outcome was read")
	}
}

func FuzzDecode(f *testing.F) {
	for _, r := range requests() {
		f.Add(r.Append(nil))
	}
	for _, a := range answers() {
		f.Add(a.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := DecodeRequest(b); err == nil {
			again, err := DecodeRequest(r.Append(nil))
			if err != nil || !reflect.DeepEqual(r, again) {
				t.Errorf("%+v is read again as %+v, %v", r, again, err)
			}
		}
		if a, err := DecodeAnswer(b); err == nil {
			again, err := DecodeAnswer(a.Append(nil))
			if err != nil || !reflect.DeepEqual(a, again) {
				t.Errorf("%+v is read again as %+v, %v", a, again, err)
			}
		}
	})
}
