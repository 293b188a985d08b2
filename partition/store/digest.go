package store

import "github.com/perdure/perdure/protocol"

// rememberedDigests bounds how far back a digest can be compared.
const rememberedDigests = 1024

// digestRing remembers the digests of the last commands, in memory only: after a start it is empty
// and comparisons say nothing until it fills.
type digestRing struct {
	at   [rememberedDigests]struct{ lsn, digest uint64 }
	next int
}

func (r *digestRing) record(lsn protocol.LSN, digest uint64) {
	slot := &r.at[r.next%rememberedDigests]
	slot.lsn, slot.digest = uint64(lsn), digest
	r.next++
}

func (r *digestRing) find(lsn protocol.LSN) (digest uint64, ok bool) {
	for i := range min(r.next, rememberedDigests) {
		if slot := &r.at[(r.next-1-i)%rememberedDigests]; slot.lsn == uint64(lsn) {
			return slot.digest, true
		}
	}
	return 0, false
}

// DigestAt is the digest right after the command at lsn; ok is false if it is no longer, or not
// yet, remembered.
func (tx *Tx) DigestAt(lsn protocol.LSN) (digest uint64, ok bool) {
	return tx.store.digests.find(lsn)
}
