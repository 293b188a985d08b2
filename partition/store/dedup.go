package store

import (
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/wire"
)

// LastSequence is the last sequence applied from a producer, 0 when there was none. Only producers
// of kind ProducerPartition and ProducerExternal have a row.
func (r Reader) LastSequence(p command.Producer) (sequence uint64, err error) {
	key := dedupKey(nil, p)
	b, ok, err := r.get(key)
	if err != nil || !ok {
		return 0, err
	}
	return decodeSequence(key, b)
}

func decodeSequence(key, b []byte) (sequence uint64, err error) {
	err = decodeRow(b, func(d *wire.Decoder) {
		if d.Field() == 1 {
			sequence = d.Uint64()
		}
	})
	if err != nil {
		return 0, corrupt(key, "decode sequence: %v", err)
	}
	return sequence, nil
}

// PutLastSequence remembers the last sequence applied from a producer.
func (tx *Tx) PutLastSequence(p command.Producer, sequence uint64) error {
	e := newRow(12)
	e.uint(1, sequence)
	return tx.put(dedupKey(tx.keyBuffer(), p), e.b)
}
