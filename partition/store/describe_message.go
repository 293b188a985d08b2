package store

import (
	"fmt"
	"strings"

	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// describeMessage prints a journal entry's type and what is particular to it.
func describeMessage(m journal.Message) string {
	name := m.Type().Name()
	switch m := m.(type) {
	case *journal.Input:
		return name + " " + describeBytes(m.Value)
	case *journal.Output:
		return name + " " + describeResult(m.Result)
	case *journal.SetState:
		return fmt.Sprintf("%s %q %s", name, m.Key, describeBytes(m.Value))
	case *journal.ClearState:
		return fmt.Sprintf("%s %q", name, m.Key)
	case *journal.GetLazyState:
		return fmt.Sprintf("%s %q completion %d", name, m.Key, m.CompletionID)
	case *journal.GetPromise:
		return fmt.Sprintf("%s %q completion %d", name, m.Key, m.CompletionID)
	case *journal.PeekPromise:
		return fmt.Sprintf("%s %q completion %d", name, m.Key, m.CompletionID)
	case *journal.CompletePromise:
		return fmt.Sprintf("%s %q %s completion %d", name, m.Key, describeResult(m.Result),
			m.CompletionID)
	case *journal.Sleep:
		return fmt.Sprintf("%s until %d completion %d", name, m.WakeUp, m.CompletionID)
	case *journal.Call:
		return fmt.Sprintf("%s %s completions %d %d", name,
			strings.Join([]string{m.Service, m.Key, m.Handler}, "/"), m.InvocationIDIndex, m.CompletionID)
	case *journal.OneWayCall:
		return fmt.Sprintf("%s %s completion %d", name,
			strings.Join([]string{m.Service, m.Key, m.Handler}, "/"), m.InvocationIDIndex)
	case *journal.Run:
		return fmt.Sprintf("%s %q completion %d", name, m.Name, m.CompletionID)
	case *journal.SendSignal:
		return fmt.Sprintf("%s to %s %s", name, m.Target, m.Signal)
	case *journal.Notification:
		return fmt.Sprintf("notification %s %s %s", name, m.ID, DescribeNotificationResult(m.Result))
	}
	return name
}

// DescribeNotificationResult prints what a notification brings.
func DescribeNotificationResult(r journal.NotificationResult) string {
	switch r.Kind {
	case journal.ResultValue:
		return describeBytes(r.Value)
	case journal.ResultFailure:
		return r.Failure.Error()
	case journal.ResultInvocationID:
		return r.InvocationID
	case journal.ResultStateKeys:
		return fmt.Sprintf("%q", r.StateKeys)
	}
	return "void"
}

// describeCommand prints an outbox message.
func describeCommand(c command.Command) string {
	switch c := c.(type) {
	case *command.Invoke:
		wait := ""
		if c.Waiter != nil {
			wait = fmt.Sprintf(" for %s completion %d", c.Waiter.Invocation, c.Waiter.CompletionID)
		}
		return fmt.Sprintf("invoke %s %s %s%s", c.ID, c.Target, describePayload(c.Parameter), wait)
	case *command.Complete:
		return fmt.Sprintf("complete %s %s %d %s", c.ID, c.Type.Name(), c.CompletionID,
			DescribeNotificationResult(c.Result))
	case *command.Signal:
		return fmt.Sprintf("signal %s %s %s", c.ID, c.Signal, DescribeNotificationResult(c.Result))
	case *command.Attach:
		return fmt.Sprintf("attach to %s for %s completion %d", c.ID, c.Waiter.Invocation,
			c.Waiter.CompletionID)
	case *command.GetOutput:
		return fmt.Sprintf("get output of %s for %s completion %d", c.ID, c.Waiter.Invocation,
			c.Waiter.CompletionID)
	case *command.Terminate:
		return fmt.Sprintf("%s %s", terminateNames[c.Mode], c.ID)
	}
	return fmt.Sprintf("%T", c)
}

var terminateNames = map[command.TerminateMode]string{
	command.TerminateCancel: "cancel", command.TerminateKill: "kill",
}
