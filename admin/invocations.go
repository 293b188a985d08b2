package admin

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// options are the parameters of an operation, from a query or a batch's body.
type options struct {
	deployment deploymentChoice
	from       uint32 // restart: last journal index to keep
}

// outcome says how an operation succeeded.
type outcome struct {
	status int
	newID  protocol.InvocationID // restart only
}

// operation is what operators can do to an invocation.
type operation struct {
	// command makes the command; an error refuses the operation right away.
	command func(*Handler, context.Context, protocol.InvocationID, options) (command.Command, error)
	// fallback is the choice of deployment if the request names none.
	fallback deploymentChoice
	// refusals replace the common texts.
	refusals map[command.ReplyStatus]refused
}

// simple makes an operation whose command needs nothing but the ID.
func simple(f func(protocol.InvocationID) command.Command) operation {
	return operation{command: func(
		_ *Handler, _ context.Context, id protocol.InvocationID, _ options,
	) (command.Command, error) {
		return f(id), nil
	}}
}

// operations are all of them, by their name in paths.
var operations = map[string]operation{
	"cancel": simple(func(id protocol.InvocationID) command.Command {
		return &command.Terminate{ID: id, Mode: command.TerminateCancel}
	}),
	"kill": simple(func(id protocol.InvocationID) command.Command {
		return &command.Terminate{ID: id, Mode: command.TerminateKill}
	}),
	"purge": simple(func(id protocol.InvocationID) command.Command { return &command.Purge{ID: id} }),
	"purge-journal": simple(func(id protocol.InvocationID) command.Command {
		return &command.PurgeJournal{ID: id}
	}),
	"pause":          simple(func(id protocol.InvocationID) command.Command { return &command.Pause{ID: id} }),
	"resume":         {(*Handler).resume, keepDeployment, resumeRefusals},
	"restart-as-new": {(*Handler).restart, latestDeployment, restartRefusals},
}

// perform runs an operation on one invocation.
func (h *Handler) perform(
	ctx context.Context, op operation, id protocol.InvocationID, o options,
) (outcome, error) {
	if o.deployment == (deploymentChoice{}) {
		o.deployment = op.fallback
	}
	cmd, err := op.command(h, ctx, id, o)
	if err != nil {
		return outcome{}, err
	}
	reply, err := h.partitions.Submit(ctx, cmd)
	if err != nil {
		return outcome{}, err
	}
	switch reply.Status {
	case command.ReplyDone, command.ReplyAccepted:
		out := outcome{status: http.StatusOK}
		if restart, ok := cmd.(*command.Restart); ok {
			out.newID = restart.NewID
		}
		return out, nil
	case command.ReplyAppended:
		return outcome{status: http.StatusAccepted}, nil
	}
	return outcome{}, op.refusal(id, reply)
}

// cannotMove refuses another deployment to an invocation that an attempt may be running on.
const cannotMove = "The invocation '%s' is still running or the deployment id is not pinned yet, " +
	"deployment id cannot be changed."

// refused is what the client is told; the text has a place for the ID.
type refused struct {
	status int
	text   string
}

// refusals say why an invocation cannot take an operation, unless the operation says it better.
var refusals = map[command.ReplyStatus]refused{
	command.ReplyNotFound: {
		http.StatusNotFound, "The requested invocation '%s' does not exist"},
	command.ReplyConflictCompleted: {
		http.StatusConflict, "The invocation '%s' was already completed."},
	command.ReplyNotCompleted: {
		http.StatusConflict, "The invocation '%s' is not yet completed."},
	command.ReplyNotRunning: {
		http.StatusConflict, "The invocation '%s' is not running, cannot be paused."},
	command.ReplyRunning: {http.StatusConflict, cannotMove},
	command.ReplyTooEarly: {
		http.StatusTooEarly, "The invocation '%s' is either inboxed or scheduled, cannot be resumed."},
	command.ReplyUnsupported: {
		http.StatusUnprocessableEntity, "Restarting the invocation '%s' is not supported"},
	command.ReplyInputGone: {
		http.StatusGone, "The invocation '%s' cannot be restarted because the input is not available"},
	command.ReplyBadPrefix: {
		http.StatusBadRequest, "The journal of the invocation '%s' cannot be cut there"},
}

// restartRefusals and resumeRefusals are the texts that only fit these operations.
var (
	restartRefusals = map[command.ReplyStatus]refused{
		command.ReplyNotCompleted: {http.StatusConflict, "The invocation '%s' is still running."},
		command.ReplyTooEarly: {http.StatusTooEarly,
			"The invocation '%s' cannot be restarted because it's not running yet."},
	}
	resumeRefusals = map[command.ReplyStatus]refused{
		command.ReplyConflictCompleted: {
			http.StatusConflict, "The invocation '%s' is completed, cannot be resumed."},
	}
)

func (op *operation) refusal(id protocol.InvocationID, reply command.Reply) error {
	r, ok := op.refusals[reply.Status]
	if !ok {
		r, ok = refusals[reply.Status]
	}
	if !ok {
		return failed(http.StatusInternalServerError,
			"The partition of the invocation '%s' gave the unexpected reply %d", id, reply.Status)
	}
	message := fmt.Sprintf(r.text, id)
	if reply.Message != "" {
		message += ": " + reply.Message
	}
	return failed(r.status, "%s", message)
}

// invocationID reads the ID out of the path.
func (r *request) invocationID() (protocol.InvocationID, error) {
	id, err := protocol.ParseInvocationID(r.params["invocation_id"])
	if err != nil {
		return id, invalidField("invocation_id", "bad format")
	}
	return id, nil
}

// one serves an operation on the invocation that the path names.
func (h *Handler) one(op operation) func(*request) (*response, error) {
	return func(r *request) (*response, error) {
		id, err := r.invocationID()
		if err != nil {
			return nil, err
		}
		o, err := queryOptions(r.URL.Query())
		if err != nil {
			return nil, err
		}
		out, err := h.perform(r.Context(), op, id, o)
		if err != nil {
			return nil, err
		}
		if !out.newID.IsZero() {
			return jsonResponse(out.status, map[string]string{"new_invocation_id": out.newID.String()})
		}
		return &response{status: out.status}, nil
	}
}

func queryOptions(q url.Values) (o options, err error) {
	if q.Has("deployment") {
		if o.deployment, err = parseChoice(q.Get("deployment")); err != nil {
			return o, invalidParameter("deployment", err.Error())
		}
	}
	if q.Has("from") {
		from, err := strconv.ParseUint(q.Get("from"), 10, 32)
		if err != nil {
			return o, badQuery("from", "expected a journal index")
		}
		o.from = uint32(from)
	}
	return o, nil
}

// deleteInvocation is the old form of cancel, kill and purge; it never tells whether it worked.
func (h *Handler) deleteInvocation(r *request) (*response, error) {
	id, err := r.invocationID()
	if err != nil {
		return nil, err
	}
	mode := "cancel"
	if q := r.URL.Query(); q.Has("mode") {
		mode = q.Get("mode")
	}
	switch mode {
	case "cancel", "kill", "purge":
	case "Cancel", "Kill", "Purge":
		mode = strings.ToLower(mode)
	default:
		return nil, badQuery("mode", "expected cancel, kill or purge")
	}
	cmd, err := operations[mode].command(h, r.Context(), id, options{})
	if err != nil {
		return nil, err
	}
	if _, err := h.partitions.Submit(r.Context(), cmd); err != nil {
		return nil, err
	}
	return &response{status: http.StatusAccepted}, nil
}
