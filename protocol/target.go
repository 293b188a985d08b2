package protocol

// ServiceKind says how calls to a service are ordered. The numbers are durable.
type ServiceKind uint8

const (
	KindService  ServiceKind = 1 // calls are independent
	KindObject   ServiceKind = 2 // keyed, with state; exclusive handlers run one at a time per key
	KindWorkflow ServiceKind = 3 // keyed; the run handler runs once per key
)

// String prints the name used in the admin API and in SQL.
func (k ServiceKind) String() string {
	switch k {
	case KindService:
		return "service"
	case KindObject:
		return "virtual_object"
	case KindWorkflow:
		return "workflow"
	}
	return "unknown"
}

// HandlerKind says how a handler shares its key. The numbers are durable.
type HandlerKind uint8

const (
	HandlerPlain     HandlerKind = 0 // handler of a service
	HandlerExclusive HandlerKind = 1 // holds the object's lock
	HandlerShared    HandlerKind = 2 // runs beside others, reads only
	HandlerWorkflow  HandlerKind = 3 // the run handler of a workflow
)

// Target names what is called.
type Target struct {
	Kind        ServiceKind
	HandlerKind HandlerKind
	Service     string
	Key         string // object or workflow key; empty and meaningless for services
	Handler     string
	Scope       string // namespace of a scoped call, else empty
}

// Keyed reports whether the target has an object or workflow key.
func (t Target) Keyed() bool { return t.Kind != KindService }

// Locks reports whether a call of the target must hold the key's lock while it runs.
func (t Target) Locks() bool { return t.Kind == KindObject && t.HandlerKind == HandlerExclusive }

// CanWriteState reports whether the target's handler may change the key's state.
func (t Target) CanWriteState() bool {
	return t.Kind == KindObject && t.HandlerKind == HandlerExclusive ||
		t.Kind == KindWorkflow && t.HandlerKind == HandlerWorkflow
}

// PartitionKey returns where a call of a keyed or scoped target belongs; ok is false if the caller
// may choose.
func (t Target) PartitionKey() (k PartitionKey, ok bool) {
	switch {
	case t.Scope != "":
		return HashKey(t.Scope), true
	case t.Keyed():
		return HashKey(t.Key), true
	}
	return 0, false
}

// String prints service[/key]/handler.
func (t Target) String() string {
	if t.Keyed() {
		return t.Service + "/" + t.Key + "/" + t.Handler
	}
	return t.Service + "/" + t.Handler
}
