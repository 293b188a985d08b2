package store

import (
	"fmt"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/wire"
)

// storeFormat is the version of the whole layout. It rises when rows change in a way that an older
// server would misread; such a server refuses the store.
const storeFormat = 1

// Identity says whose rows a store holds.
type Identity struct {
	Partition protocol.PartitionID
	Keys      protocol.KeyRange
}

// storedIdentity is the identity as found on disk; restoring means that a Restore did not finish.
type storedIdentity struct {
	Identity
	restoring bool
}

func identityKey() []byte { return appendKind(nil, KindIdentity) }

func (i Identity) encode(restoring bool) []byte {
	e := newRow(32)
	e.uint(1, storeFormat)
	e.uint(2, uint64(i.Partition))
	e.fixed64(3, uint64(i.Keys.First))
	e.fixed64(4, uint64(i.Keys.Last))
	e.bool(5, restoring)
	return e.b
}

func decodeIdentity(b []byte) (i storedIdentity, err error) {
	var format uint64
	err = decodeRow(b, func(d *wire.Decoder) {
		switch d.Field() {
		case 1:
			format = d.Uint64()
		case 2:
			i.Partition = protocol.PartitionID(d.Uint16())
		case 3:
			i.Keys.First = protocol.PartitionKey(d.Fixed64())
		case 4:
			i.Keys.Last = protocol.PartitionKey(d.Fixed64())
		case 5:
			i.restoring = d.Bool()
		}
	})
	switch {
	case err != nil:
		return i, corrupt(identityKey(), "decode the identity: %v", err)
	case format > storeFormat:
		return i, fmt.Errorf("it has format %d, this server knows %d: %w", format, storeFormat, ErrFormat)
	}
	return i, nil
}

func readIdentity(r Reader) (i storedIdentity, ok bool, err error) {
	b, ok, err := r.get(identityKey())
	if err != nil || !ok {
		return i, false, err
	}
	i, err = decodeIdentity(b)
	return i, err == nil, err
}
