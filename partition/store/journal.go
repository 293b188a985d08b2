package store

import (
	"encoding/binary"
	"iter"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
	"github.com/perdure/perdure/protocol/wire"
)

func encodeEntry(entry *journal.Entry) []byte {
	e := newRow(entry.Body.Len() + 48)
	e.uint(1, uint64(entry.Type))
	e.payload(2, entry.Body)
	e.millis(3, entry.Time)
	e.id(4, entry.Callee)
	return e.b
}

func decodeEntry(key, b []byte) (entry journal.Entry, err error) {
	err = decodeRow(b, func(d *wire.Decoder) {
		switch d.Field() {
		case 1:
			entry.Type = decodeType(d)
		case 2:
			entry.Body = decode(d, command.DecodePayload)
		case 3:
			entry.Time = protocol.Millis(d.Uint64())
		case 4:
			entry.Callee = decodeID(d)
		}
	})
	if err != nil {
		return entry, corrupt(key, "decode journal entry: %v", err)
	}
	return entry, nil
}

// GetEntry reads one journal entry.
func (r Reader) GetEntry(
	id protocol.InvocationID, index uint32,
) (e journal.Entry, ok bool, err error) {
	key := journalKey(nil, id, index)
	b, ok, err := r.get(key)
	if err != nil || !ok {
		return e, false, err
	}
	e, err = decodeEntry(key, b)
	return e, err == nil, err
}

// Journal reads all entries of an invocation, in order.
func (r Reader) Journal(id protocol.InvocationID) ([]journal.Entry, error) {
	prefix := appendInvocationKey(nil, KindJournal, id)
	return collect(scan(r, prefixBounds(prefix), decodeEntry))
}

// JournalRow is one row of ScanJournal.
type JournalRow struct {
	ID    protocol.InvocationID
	Index uint32
	Entry journal.Entry
}

// ScanJournal walks over all journals whose partition keys lie in keys.
func (r Reader) ScanJournal(keys protocol.KeyRange) iter.Seq2[JournalRow, error] {
	return scan(r, keyRange(KindJournal, keys), func(key, value []byte) (row JournalRow, err error) {
		id, rest, err := invocationOf(key)
		if err != nil {
			return row, err
		}
		if len(rest) != 4 {
			return row, corrupt(key, "a journal key ends with %d bytes, want 4", len(rest))
		}
		row.ID, row.Index = id, binary.BigEndian.Uint32(rest)
		row.Entry, err = decodeEntry(key, value)
		return row, err
	})
}

// PutEntry writes one journal entry.
func (tx *Tx) PutEntry(id protocol.InvocationID, index uint32, entry *journal.Entry) error {
	return tx.put(journalKey(tx.keyBuffer(), id, index), encodeEntry(entry))
}

// DeleteJournal forgets an invocation's entries, the index of its notifications and its events, as
// far as the counts of its status say that there are any.
func (tx *Tx) DeleteJournal(st *Status) error {
	tx.store.cache.drop(st.ID)
	for index := range st.EntryCount {
		if err := tx.delete(journalKey(tx.keyBuffer(), st.ID, index)); err != nil {
			return err
		}
	}
	if st.EntryCount > st.CommandCount {
		prefix := appendInvocationKey(nil, KindNotification, st.ID)
		if err := tx.deleteAll(prefixBounds(prefix)); err != nil {
			return err
		}
	}
	if st.EventCount == 0 {
		return nil
	}
	return tx.deleteAll(prefixBounds(appendInvocationKey(nil, KindEvent, st.ID)))
}

// Outcome says what a notification brought, as far as waiting for it is concerned. The numbers are
// durable.
type Outcome uint8

const (
	OutcomeSuccess Outcome = 1
	OutcomeFailure Outcome = 2
)

// Notification is the index row of a notification: where the first one of its ID stands, or, for a
// cancellation, the last.
type Notification struct {
	Index   uint32
	Outcome Outcome
}

// GetNotification finds a notification in an invocation's journal.
func (r Reader) GetNotification(
	id protocol.InvocationID, n journal.NotificationID,
) (found Notification, ok bool, err error) {
	key := notificationKey(nil, id, n)
	b, ok, err := r.get(key)
	if err != nil || !ok {
		return found, false, err
	}
	found, err = decodeNotification(key, b)
	return found, err == nil, err
}

func (n Notification) encode() []byte {
	e := newRow(12)
	e.uint(1, uint64(n.Index))
	e.uint(2, uint64(n.Outcome))
	return e.b
}

func decodeNotification(key, b []byte) (n Notification, err error) {
	err = decodeRow(b, func(d *wire.Decoder) {
		switch d.Field() {
		case 1:
			n.Index = d.Uint32()
		case 2:
			n.Outcome = Outcome(d.Uint8())
		}
	})
	if err != nil {
		return n, corrupt(key, "decode notification: %v", err)
	}
	return n, nil
}

// GetNotification finds a notification in an invocation's journal, in the store's cache if it is
// there.
func (tx *Tx) GetNotification(
	id protocol.InvocationID, n journal.NotificationID,
) (found Notification, ok bool, err error) {
	if e := tx.store.cache.get(id); e != nil && e.whole {
		found, ok = e.notifications[n]
		return found, ok, nil
	}
	return tx.Reader.GetNotification(id, n)
}

// PutNotification writes the index row of a notification.
func (tx *Tx) PutNotification(
	id protocol.InvocationID, n journal.NotificationID, at Notification,
) error {
	tx.store.cache.putNotification(id, n, at)
	return tx.put(notificationKey(tx.keyBuffer(), id, n), at.encode())
}
