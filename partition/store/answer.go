package store

import (
	"github.com/perdure/perdure/protocol/command"
)

// AnswerKey names the answer to a request. Its period is when it was given: rows of one period stand
// together, and go together.
type AnswerKey struct {
	Period  uint64
	Request command.RequestID
}

func encodeAnswer(r *command.Reply) []byte {
	hint := 64
	if r.Result != nil {
		hint += len(r.Result.Value.Inline)
	}
	e := newRow(hint)
	return command.AppendReply(e.b, r)
}

func decodeAnswer(key, b []byte) (r command.Reply, err error) {
	if len(b) == 0 || b[0] != rowVersion {
		return r, corrupt(key, "the row does not start with version %d", rowVersion)
	}
	if r, err = command.DecodeReply(b[1:]); err != nil {
		return r, corrupt(key, "decode answer: %v", err)
	}
	return r, nil
}

// GetAnswer reads what was answered to a request.
func (r Reader) GetAnswer(k AnswerKey) (reply command.Reply, ok bool, err error) {
	key := answerKey(nil, k)
	b, ok, err := r.get(key)
	if err != nil || !ok {
		return reply, false, err
	}
	reply, err = decodeAnswer(key, b)
	return reply, err == nil, err
}

// Answers returns up to limit keys of answers, oldest first, from a key on.
func (r Reader) Answers(from AnswerKey, limit int) (keys []AnswerKey, err error) {
	b := bounds{answerKey(nil, from), after(appendKind(nil, KindAnswer))}
	for k, err := range scan(r, b, func(key, _ []byte) (AnswerKey, error) { return answerKeyOf(key) }) {
		if err != nil {
			return nil, err
		}
		if keys = append(keys, k); len(keys) == limit {
			break
		}
	}
	return keys, nil
}

// PutAnswer remembers the answer to a request.
func (tx *Tx) PutAnswer(k AnswerKey, r *command.Reply) error {
	return tx.put(answerKey(tx.keyBuffer(), k), encodeAnswer(r))
}

// DeleteAnswer forgets an answer that is there.
func (tx *Tx) DeleteAnswer(k AnswerKey) error {
	return tx.delete(answerKey(tx.keyBuffer(), k))
}
