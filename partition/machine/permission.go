package machine

import (
	"errors"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

var (
	errNotKeyed    = errors.New("the target has no key, so it has no state")
	errReadOnly    = errors.New("the handler may not change state")
	errNotWorkflow = errors.New("only workflows have promises")
	errNoCallee    = errors.New("the callee was not resolved")
	errServerOnly  = errors.New("handlers may not send this entry")
)

// permitted checks what the invoker should have checked before it proposed the command.
func permitted(st *store.Status, e *command.Effect, m journal.Message) error {
	switch m := m.(type) {
	case *journal.Input, *journal.Notification:
		return errServerOnly
	case *journal.GetLazyState, *journal.GetLazyStateKeys, *journal.GetEagerState,
		*journal.GetEagerStateKeys:
		if !st.Target.Keyed() {
			return errNotKeyed
		}
	case *journal.SetState, *journal.ClearState, *journal.ClearAllState:
		if !st.Target.CanWriteState() {
			return errReadOnly
		}
	case *journal.GetPromise, *journal.PeekPromise, *journal.CompletePromise:
		if st.Target.Kind != protocol.KindWorkflow {
			return errNotWorkflow
		}
	case *journal.Call, *journal.OneWayCall:
		if e.Callee == nil {
			return errNoCallee
		}
	case *journal.SendSignal:
		_, err := protocol.ParseInvocationID(m.Target)
		return err
	case *journal.AttachInvocation:
		_, err := m.Target.ID()
		return err
	case *journal.GetInvocationOutput:
		_, err := m.Target.ID()
		return err
	case *journal.CompleteAwakeable:
		_, err := protocol.ParseAwakeableID(m.AwakeableID)
		return err
	}
	return nil
}
