package source

import (
	"time"

	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/journal"
)

// entries shows journal entries as JSON.
type entries struct {
	schema *schema.Schema
	// lite leaves out payloads, headers and names.
	lite bool
}

// show is the JSON of one entry; empty if it cannot be shown.
func (e entries) show(row *journal.Entry) (text string, err error) {
	m, err := journal.Decode(row.Type, row.Body.Inline)
	if err != nil {
		return "", err
	}
	var value any
	if n, ok := m.(*journal.Notification); ok {
		value = one("Notification", e.notification(n))
	} else {
		value = one("Command", one(row.Type.Name(), e.command(m, row)))
	}
	b, err := encodeJSON(value)
	return string(b), err
}

// fields are the members of a command; those after the first name stand in the full form only.
func (e entries) fields(name string, always object, full ...member) object {
	if e.lite {
		return always
	}
	return append(append(always, full...), member{"name", name})
}

// command shows a command: which members stand where is what the console and the command line read.
func (e entries) command(m journal.Message, row *journal.Entry) object {
	switch c := m.(type) {
	case *journal.Input:
		return e.fields(c.Name, object{}, member{"headers", pairs(c.Headers, "name")},
			member{"payload", numbers(c.Value)})
	case *journal.Output:
		return e.fields(c.Name, object{{"result", e.result(c.Result)}})
	case *journal.Run:
		return object{{"completion_id", c.CompletionID}, {"name", c.Name}}
	case *journal.Sleep:
		return e.fields(c.Name,
			object{{"wake_up_time", uint64(c.WakeUp)}, {"completion_id", c.CompletionID}})
	case *journal.Call:
		return e.call(c, row)
	case *journal.OneWayCall:
		return e.oneWayCall(c, row)
	case *journal.SendSignal:
		return e.fields(c.EntryName, object{{"target_invocation_id", c.Target},
			{"signal_id", signalID(c.Signal)}, {"result", e.outcome(&c.Result)}})
	case *journal.AttachInvocation:
		return e.fields(c.Name,
			object{{"target", invocationTarget(&c.Target)}, {"completion_id", c.CompletionID}})
	case *journal.GetInvocationOutput:
		return e.fields(c.Name,
			object{{"target", invocationTarget(&c.Target)}, {"completion_id", c.CompletionID}})
	case *journal.CompleteAwakeable:
		return e.fields(c.Name, object{{"id", c.AwakeableID}, {"result", e.result(c.Result)}})
	}
	return e.stateCommand(m)
}

// stateCommand shows the commands about state and promises.
func (e entries) stateCommand(m journal.Message) object {
	switch c := m.(type) {
	case *journal.GetLazyState:
		return e.fields(c.Name, object{{"key", string(c.Key)}, {"completion_id", c.CompletionID}})
	case *journal.SetState:
		return e.fields(c.Name, object{{"key", string(c.Key)}}, member{"value", numbers(c.Value)})
	case *journal.ClearState:
		return e.fields(c.Name, object{{"key", string(c.Key)}})
	case *journal.ClearAllState:
		return e.fields(c.Name, object{})
	case *journal.GetLazyStateKeys:
		return e.fields(c.Name, object{{"completion_id", c.CompletionID}})
	case *journal.GetEagerState:
		result := journal.Value(c.Value)
		if c.Void {
			result = journal.Void()
		}
		return e.fields(c.Name, object{{"key", string(c.Key)}, {"result", e.outcome(&result)}})
	case *journal.GetEagerStateKeys:
		return e.fields(c.Name, object{}, member{"state_keys", keyNames(c.Keys)})
	case *journal.GetPromise:
		return e.fields(c.Name, object{{"key", c.Key}, {"completion_id", c.CompletionID}})
	case *journal.PeekPromise:
		return e.fields(c.Name, object{{"key", c.Key}, {"completion_id", c.CompletionID}})
	case *journal.CompletePromise:
		o := object{{"key", c.Key}}
		if !e.lite {
			o = append(o, member{"value", e.result(c.Result)})
		}
		return e.fields(c.Name, append(o, member{"completion_id", c.CompletionID}))
	}
	return object{}
}

func (e entries) call(c *journal.Call, row *journal.Entry) object {
	t := protocol.Target{Service: c.Service, Key: c.Key, Handler: c.Handler, Scope: c.Scope}
	kindOf(e.schema, &t)
	ids := object{{"invocation_id_completion_id", c.InvocationIDIndex},
		{"result_completion_id", c.CompletionID}}
	if e.lite {
		return append(callee(row, &t), ids...)
	}
	request := e.request(row, &t, c.Parameter, c.Headers, c.IdempotencyKey)
	return append(append(object{{"request", request}}, ids...), member{"name", c.Name})
}

func (e entries) oneWayCall(c *journal.OneWayCall, row *journal.Entry) object {
	t := protocol.Target{Service: c.Service, Key: c.Key, Handler: c.Handler, Scope: c.Scope}
	kindOf(e.schema, &t)
	ids := object{{"invoke_time", uint64(c.InvokeTime)},
		{"invocation_id_completion_id", c.InvocationIDIndex}}
	if e.lite {
		return append(callee(row, &t), ids...)
	}
	request := e.request(row, &t, c.Parameter, c.Headers, c.IdempotencyKey)
	return append(append(object{{"request", request}}, ids...), member{"name", c.Name})
}

func callee(row *journal.Entry, t *protocol.Target) object {
	return object{{"invocation_id", row.Callee.String()}, {"invocation_target", targetValue(t)}}
}

// request shows a call as it was made, as far as the journal and what is registered tell.
func (e entries) request(row *journal.Entry, t *protocol.Target, parameter []byte,
	headers []protocol.KeyValue, idempotencyKey *string,
) object {
	var completion, retained time.Duration
	if r, err := e.schema.Resolve(t.Service, t.Handler); err == nil {
		completion, retained = r.Retentions(idempotencyKey)
	}
	return append(callee(row, t),
		member{"parameter", numbers(parameter)}, member{"headers", pairs(headers, "name")},
		member{"idempotency_key", idempotencyKey},
		member{"completion_retention_duration", seconds(completion)},
		member{"journal_retention_duration", seconds(retained)})
}

func seconds(d time.Duration) object {
	return object{{"secs", uint64(d / time.Second)}, {"nanos", uint64(d % time.Second)}}
}

func targetValue(t *protocol.Target) object {
	var scope any
	if t.Scope != "" {
		scope = t.Scope
	}
	o := object{{"name", t.Service}}
	if !t.Keyed() {
		return one("Service", append(o, member{"handler", t.Handler}, member{"scope", scope}))
	}
	o = append(o, member{"key", t.Key}, member{"handler", t.Handler},
		member{"handler_ty", handlerName(t.HandlerKind)}, member{"scope", scope})
	if t.Kind == protocol.KindWorkflow {
		return one("Workflow", o)
	}
	return one("VirtualObject", o)
}

func handlerName(k protocol.HandlerKind) string {
	switch k {
	case protocol.HandlerShared:
		return "Shared"
	case protocol.HandlerWorkflow:
		return "Workflow"
	}
	return "Exclusive"
}

func invocationTarget(t *journal.InvocationTarget) object {
	switch {
	case t.Idempotent != nil:
		i := t.Idempotent
		return one("IdempotentRequest", object{{"service_name", i.Service}, {"service_key", i.Key},
			{"handler_name", i.Handler}, {"idempotency_key", i.IdempotencyKey}})
	case t.Workflow != nil:
		return one("Workflow",
			object{{"workflow_name", t.Workflow.Name}, {"workflow_key", t.Workflow.Key}})
	}
	return one("InvocationId", t.InvocationID)
}

func signalID(id journal.NotificationID) object {
	if id.Kind == journal.IDNamedSignal {
		return one("Name", id.Name)
	}
	return one("Index", id.Index)
}

// result shows an outcome, in the lite form by its kind only.
func (e entries) result(r protocol.Result) any {
	n := journal.OfResult(r)
	return e.outcome(&n)
}

func (e entries) outcome(r *journal.NotificationResult) any {
	switch {
	case r.Kind == journal.ResultVoid:
		return "Void"
	case r.Kind == journal.ResultFailure && e.lite:
		return "Failure"
	case r.Kind == journal.ResultFailure:
		return one("Failure", failureValue(&r.Failure))
	case e.lite:
		return "Success"
	}
	return one("Success", numbers(r.Value))
}

func keyNames(keys [][]byte) []string {
	names := []string{}
	for _, k := range keys {
		names = append(names, string(k))
	}
	return names
}

// notification shows what a notification brought.
func (e entries) notification(n *journal.Notification) object {
	if e.lite {
		return e.liteNotification(n)
	}
	if n.NotificationType == journal.TypeSignal {
		return one("Signal", object{{"id", signalID(n.ID)}, {"result", e.outcome(&n.Result)}})
	}
	o := object{{"completion_id", n.ID.Index}}
	switch {
	case n.NotificationType == journal.TypeSleepCompletion:
	case n.Result.Kind == journal.ResultInvocationID:
		o = append(o, member{"invocation_id", n.Result.InvocationID})
	case n.Result.Kind == journal.ResultStateKeys:
		o = append(o, member{"state_keys", keyNames(n.Result.StateKeys)})
	default:
		o = append(o, member{"result", e.outcome(&n.Result)})
	}
	return one("Completion", one(n.NotificationType.Name(), o))
}

func (e entries) liteNotification(n *journal.Notification) object {
	var ty any = one("Completion", n.NotificationType.Name())
	var id object
	switch n.ID.Kind {
	case journal.IDSignal:
		ty, id = "Signal", one("SignalIndex", n.ID.Index)
	case journal.IDNamedSignal:
		ty, id = "Signal", one("SignalName", n.ID.Name)
	default:
		id = one("CompletionId", n.ID.Index)
	}
	var result any
	switch n.Result.Kind {
	case journal.ResultInvocationID:
		result = "InvocationId"
	case journal.ResultStateKeys:
		result = "StateKeys"
	default:
		result = e.outcome(&n.Result)
	}
	return object{{"ty", ty}, {"id", id}, {"result", result}}
}

// name is what a handler called a command; ok is false for notifications, which have no name.
func (e entries) name(row *journal.Entry) (name string, ok bool) {
	if row.Type.IsNotification() {
		return "", false
	}
	m, err := journal.Decode(row.Type, row.Body.Inline)
	if err != nil {
		return "", false
	}
	shown := e.command(m, row)
	if len(shown) == 0 {
		return "", false
	}
	name, ok = shown[len(shown)-1].value.(string)
	return name, ok
}
