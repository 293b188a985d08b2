package store

import (
	"errors"
	"fmt"
)

// ErrCorrupt means that a row cannot be what this code wrote: the replica must stop and be rebuilt
// from a snapshot and the log.
var ErrCorrupt = errors.New("the partition's store is corrupt: rebuild the replica from a snapshot")

// ErrFormat means that the store was written by a newer version of this server.
var ErrFormat = errors.New("the partition's store has a newer format: run the newer server")

// ErrIdentity means that the directory holds another partition, or another key range of it.
var ErrIdentity = errors.New("the directory holds the store of another partition")

func corrupt(key []byte, format string, args ...any) error {
	return fmt.Errorf("row %x: %s: %w", key, fmt.Sprintf(format, args...), ErrCorrupt)
}
