package machine

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

func (r *report) getState(o store.Object, m *journal.GetLazyState) error {
	value, ok, err := r.tx.GetState(o, m.Key)
	if err != nil {
		return err
	}
	result := journal.Void()
	if ok {
		result = journal.Value(value.Inline)
	}
	_, err = r.completeOnce(r.st, journal.TypeGetLazyStateCompletion, m.CompletionID, result)
	return err
}

func (r *report) getStateKeys(o store.Object, m *journal.GetLazyStateKeys) error {
	entries, _, err := r.tx.State(o, 0)
	if err != nil {
		return err
	}
	result := journal.NotificationResult{Kind: journal.ResultStateKeys}
	for _, entry := range entries {
		result.StateKeys = append(result.StateKeys, entry.Key)
	}
	_, err = r.completeOnce(r.st, journal.TypeGetLazyStateKeysCompletion, m.CompletionID, result)
	return err
}

// patchState replaces an object's state: at once if nobody holds its lock, else in its turn.
func (s *step) patchState(c *command.PatchState) error {
	object := store.Object{Scope: c.Scope, Service: c.Service, Key: c.Key}
	mutation := &store.Mutation{Version: c.Version, State: c.State}
	lock, held, err := s.tx.GetLock(object)
	if err != nil {
		return err
	}
	s.replyStatus(c.Request, protocol.InvocationID{}, command.ReplyDone)
	if held {
		_, err := s.enqueue(lock, store.Queued{Object: object, Mutation: mutation})
		return err
	}
	return s.replaceState(object, mutation)
}

// replaceState makes a change of the state unless it was meant for another version of it.
func (s *step) replaceState(o store.Object, m *store.Mutation) error {
	if m.Version != nil {
		old, _, err := s.tx.State(o, 0)
		if err != nil || StateVersion(old) != *m.Version {
			return err
		}
	}
	if err := s.tx.ClearState(o); err != nil {
		return err
	}
	for _, entry := range m.State {
		if err := s.tx.PutState(o, entry.Key, entry.Value); err != nil {
			return err
		}
	}
	return nil
}

// StateVersion names a state by its content, as tools do: the SHA-256 over each entry, in key
// order, as its index (8 bytes, big-endian), 01, key, 02, value, 03; in base64url without padding.
func StateVersion(entries []command.StateEntry) string {
	h := sha256.New()
	for i, entry := range entries {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(i)))
		h.Write([]byte{1})
		h.Write(entry.Key)
		h.Write([]byte{2})
		h.Write(entry.Value.Inline)
		h.Write([]byte{3})
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
