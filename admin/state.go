package admin

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"

	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// stateValue is bytes, written as a list of numbers or as a text.
type stateValue []byte

// UnmarshalJSON implements json.Unmarshaler.
func (v *stateValue) UnmarshalJSON(b []byte) error {
	switch {
	case len(b) > 0 && b[0] == '"':
		var text string
		err := json.Unmarshal(b, &text)
		*v = stateValue(text)
		return err
	case len(b) == 0 || b[0] != '[':
		return errors.New("a state value must be a list of numbers from 0 to 255, or a text")
	}
	return json.Unmarshal(b, (*[]byte)(v))
}

// modifyState replaces the whole state of a key. The answer does not say whether a given version
// still matched: that is decided when the key's lock is free.
func (h *Handler) modifyState(r *request) (*response, error) {
	var body struct {
		ObjectKey *string                `json:"object_key"`
		NewState  *map[string]stateValue `json:"new_state"`
		Version   *string                `json:"version"`
		Scope     string                 `json:"scope"`
	}
	if err := readJSON(r, &body); err != nil {
		return nil, err
	}
	if body.ObjectKey == nil || body.NewState == nil {
		return nil, wrongShape("the fields object_key and new_state are required")
	}
	name := r.params["service"]
	svc, known := h.registry.Current().Service(name)
	switch {
	case !known && len(*body.NewState) > 0:
		// Clearing the state of a service that is gone is how its remains are removed.
		return nil, &schema.NotFoundError{Service: name}
	case known && svc.Kind == protocol.KindService:
		return nil, failed(http.StatusBadRequest, "Cannot modify state for service type %s",
			kindName(svc.Kind))
	}
	patch := &command.PatchState{
		Service: name, Key: *body.ObjectKey, Scope: body.Scope, Version: body.Version}
	for _, key := range slices.Sorted(maps.Keys(*body.NewState)) {
		patch.State = append(patch.State, command.StateEntry{
			Key: []byte(key), Value: protocol.Inline((*body.NewState)[key])})
	}
	if _, err := h.partitions.Submit(r.Context(), patch); err != nil {
		return nil, err
	}
	return &response{status: http.StatusAccepted}, nil
}
