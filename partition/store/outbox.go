package store

import "github.com/perdure/perdure/protocol/command"

// A row of the outbox is the message as a command record: its header holds key and trace.
func encodeMessage(m *command.Message) []byte {
	header := command.Header{Key: m.Key, Trace: m.Trace}
	return command.Encode([]byte{rowVersion}, &header, m.Command)
}

func decodeMessage(key, b []byte) (m command.Message, err error) {
	_, rest, err := keyKind(key)
	if err != nil {
		return m, err
	}
	sequence, err := sequenceOf(key, rest)
	if err != nil {
		return m, err
	}
	if len(b) == 0 || b[0] != rowVersion {
		return m, corrupt(key, "the row does not start with version %d", rowVersion)
	}
	header, c, err := command.Decode(b[1:])
	if err != nil {
		return m, corrupt(key, "decode outbox message: %v", err)
	}
	return command.Message{
		Sequence: sequence, Key: header.Key, Trace: header.Trace, Command: c,
	}, nil
}

// Outbox returns up to limit messages in the order of their sequences, beginning at first.
func (r Reader) Outbox(first uint64, limit int) (messages []command.Message, err error) {
	b := bounds{outboxKey(nil, first), after(appendKind(nil, KindOutbox))}
	for m, err := range scan(r, b, decodeMessage) {
		if err != nil {
			return nil, err
		}
		if messages = append(messages, m); len(messages) == limit {
			break
		}
	}
	return messages, nil
}

// PutMessage writes an outbox message under its sequence.
func (tx *Tx) PutMessage(m *command.Message) error {
	return tx.put(outboxKey(tx.keyBuffer(), m.Sequence), encodeMessage(m))
}

// DeleteMessage removes an outbox message; it may be gone already.
func (tx *Tx) DeleteMessage(sequence uint64) error {
	return tx.delete(outboxKey(tx.keyBuffer(), sequence))
}
