package store

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/wire"
)

// Tx is one batch of row changes. Reads through it see its own writes. After an error the Tx must
// be discarded and the replica stopped.
type Tx struct {
	Reader
	// Vars may be changed until SetApplied; every command ends with SetApplied.
	Vars Vars

	store *Store
	batch *pebble.Batch
	key   []byte // scratch
}

// Begin starts the store's only Tx.
func (s *Store) Begin() *Tx {
	b := s.db.NewIndexedBatch()
	return &Tx{Reader: Reader{b}, Vars: s.vars, store: s, batch: b}
}

// Identity says which partition the rows belong to.
func (tx *Tx) Identity() Identity { return tx.store.identity }

func (tx *Tx) keyBuffer() []byte { return tx.key[:0] }

// put takes key and value over.
func (tx *Tx) put(key, value []byte) error {
	tx.key = key
	if err := tx.batch.Set(key, value, nil); err != nil { // which copies them
		return failed("write row %x", err, key)
	}
	tx.Vars.Digest = chain(tx.Vars.Digest, digestPut, key, value)
	wire.Release(value)
	return nil
}

func (tx *Tx) delete(key []byte) error {
	tx.key = key
	if err := tx.batch.Delete(key, nil); err != nil {
		return failed("delete row %x", err, key)
	}
	tx.Vars.Digest = chain(tx.Vars.Digest, digestDelete, key, nil)
	return nil
}

// deleteIfPresent keeps changes that change nothing out of the batch and the digest.
func (tx *Tx) deleteIfPresent(key []byte) error {
	if _, ok, err := tx.get(key); err != nil || !ok {
		return err
	}
	return tx.delete(key)
}

// deleteAll deletes the rows of a span one by one: range deletions slow every later read down,
// and most spans are a few rows.
func (tx *Tx) deleteAll(b bounds) error {
	keys, err := collect(scan(tx.Reader, b, func(key, _ []byte) ([]byte, error) {
		return append([]byte(nil), key...), nil
	}))
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := tx.delete(key); err != nil {
			return err
		}
	}
	return nil
}

// SetApplied ends a command: its position and the values of Vars enter the digest.
func (tx *Tx) SetApplied(lsn protocol.LSN) error {
	if lsn <= tx.Vars.Applied {
		return fmt.Errorf("apply the command at %s: the rows already hold %s", lsn, tx.Vars.Applied)
	}
	tx.Vars.Applied = lsn
	tx.Vars.Digest = chain(tx.Vars.Digest, digestVars, nil, tx.Vars.encode())
	tx.store.digests.record(lsn, tx.Vars.Digest)
	return nil
}

// Commit makes the changes visible to readers; Flush makes them durable.
func (tx *Tx) Commit() error {
	if err := tx.batch.Set(varsKey(), tx.Vars.encode(), nil); err != nil {
		return failed("write the row of vars", err)
	}
	if err := tx.batch.Commit(pebble.NoSync); err != nil {
		return failed("commit through %s", err, tx.Vars.Applied)
	}
	tx.store.vars = tx.Vars
	return tx.batch.Close()
}

// Discard drops the changes.
func (tx *Tx) Discard() error {
	tx.store.cache.clear()
	return tx.batch.Close()
}
