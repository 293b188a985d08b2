package ingress

import (
	"net/http"
	"strings"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// awakeable serves resolve and reject. Unknown and completed awakeables are accepted too.
func (h *Handler) awakeable(w *response, r *http.Request, req *request) error {
	id, err := protocol.ParseAwakeableID(req.awakeable)
	if err != nil {
		return badRequest("bad awakeable id '%s': %v", req.awakeable, err)
	}
	body, err := h.readBody(w, r)
	if err != nil || body == nil {
		return err
	}
	defer body.done()
	result := journal.Value(body.bytes)
	if req.reject {
		result = journal.Failure(protocol.Failure{
			Code: protocol.CodeInternal, Message: strings.ToValidUTF8(string(body.bytes), "\uFFFD"),
		})
	}
	var cmd command.Command = &command.Signal{
		ID: id.Invocation, Signal: journal.Signal(id.Index), Result: result,
	}
	if id.Old {
		cmd = &command.Complete{ID: id.Invocation, CompletionID: id.Index, Result: result}
	}
	if _, err := h.partitions.Submit(r.Context(), cmd); err != nil {
		return err
	}
	w.header(http.StatusAccepted)
	return nil
}
