package store

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/zeebo/xxh3"

	"github.com/perdure/perdure/protocol"
)

// A saved store is a magic string, then chunks of rows, then an empty chunk. A chunk is its length
// (4 bytes, little-endian), the rows, and the checksum (8 bytes) of the rows chained to that of the
// chunk before, so that a missing or moved chunk is noticed. A row is key length, key, value
// length, value; lengths are varints. Rows are in key order, so the identity comes first.
const (
	streamMagic = "PERDURE-ROWS-1\n"
	chunkBytes  = 256 << 10
	// maxChunkBytes bounds what Restore takes into memory: a chunk ends with the row that passes
	// chunkBytes, and a row is at most a command.
	maxChunkBytes = 128 << 20
)

// ErrStopped means that Save or Restore was told to stop.
var ErrStopped = errors.New("stopped before the end")

// Save writes all rows, as they are now, to w. It ends soon after stop is closed.
func (s *Store) Save(w io.Writer, stop <-chan struct{}) error {
	snapshot := s.Snapshot()
	defer snapshot.Close()
	out := &chunkWriter{w: bufio.NewWriterSize(w, chunkBytes)}
	if _, err := out.w.WriteString(streamMagic); err != nil {
		return fmt.Errorf("save partition %d: %w", s.identity.Partition, err)
	}
	it, err := snapshot.snapshot.NewIter(nil)
	if err != nil {
		return failed("save partition %d", err, s.identity.Partition)
	}
	defer it.Close()
	for valid := it.First(); valid; valid = it.Next() {
		value, err := it.ValueAndErr()
		if err == nil {
			err = out.row(it.Key(), value, stop)
		}
		if err != nil {
			return failed("save partition %d", err, s.identity.Partition)
		}
	}
	if err := errors.Join(it.Error(), out.finish()); err != nil {
		return failed("save partition %d", err, s.identity.Partition)
	}
	return nil
}

type chunkWriter struct {
	w    *bufio.Writer
	rows []byte
	sum  uint64
}

func (c *chunkWriter) row(key, value []byte, stop <-chan struct{}) error {
	c.rows = append(binary.AppendUvarint(c.rows, uint64(len(key))), key...)
	c.rows = append(binary.AppendUvarint(c.rows, uint64(len(value))), value...)
	if len(c.rows) < chunkBytes {
		return nil
	}
	select {
	case <-stop:
		return ErrStopped
	default:
		return c.flush()
	}
}

func (c *chunkWriter) flush() error {
	c.sum = xxh3.HashSeed(c.rows, c.sum)
	frame := binary.LittleEndian.AppendUint32(make([]byte, 0, 4), uint32(len(c.rows)))
	_, errHead := c.w.Write(frame)
	_, errRows := c.w.Write(c.rows)
	_, errSum := c.w.Write(binary.LittleEndian.AppendUint64(frame[:0], c.sum))
	c.rows = c.rows[:0]
	return errors.Join(errHead, errRows, errSum)
}

func (c *chunkWriter) finish() error {
	if len(c.rows) > 0 {
		if err := c.flush(); err != nil {
			return err
		}
	}
	return errors.Join(c.flush(), c.w.Flush())
}

// Restore replaces all rows with those that Save wrote, durably, and returns the position they
// stand at. If it fails or the process dies on the way, the store is empty when it is opened next
// (or as it was, if the stream is none of ours); after a failure only Close may be called.
func (s *Store) Restore(r io.Reader, stop <-chan struct{}) (protocol.LSN, error) {
	if err := s.restore(bufio.NewReaderSize(r, chunkBytes), stop); err != nil {
		return 0, fmt.Errorf("restore partition %d: %w", s.identity.Partition, err)
	}
	return s.vars.Applied, nil
}

func (s *Store) restore(r *bufio.Reader, stop <-chan struct{}) error {
	magic := make([]byte, len(streamMagic))
	if _, err := io.ReadFull(r, magic); err != nil {
		return fmt.Errorf("read the head of the stream: %w", err)
	}
	if string(magic) != streamMagic {
		return fmt.Errorf("the stream begins with %q, not %q: %w", magic, streamMagic, ErrCorrupt)
	}
	if err := s.beginRestore(); err != nil {
		return err
	}
	identified := false
	for sum := uint64(0); ; {
		select {
		case <-stop:
			return ErrStopped
		default:
		}
		rows, err := readChunk(r, &sum)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		if err := s.restoreRows(rows, &identified); err != nil {
			return err
		}
	}
	if !identified {
		return fmt.Errorf("the stream has no identity: %w", ErrCorrupt)
	}
	if err := s.writeIdentity(false); err != nil {
		return err
	}
	return s.loadVars()
}

// beginRestore wipes the store and marks it, durably.
func (s *Store) beginRestore() error {
	b := s.db.NewBatch()
	defer b.Close()
	if err := b.DeleteRange(nil, appendKind(nil, lastKind), nil); err != nil {
		return failed("wipe the store", err)
	}
	if err := b.Set(identityKey(), s.identity.encode(true), nil); err != nil {
		return failed("mark the store", err)
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return failed("wipe the store", err)
	}
	return s.Flush()
}

// writeIdentity marks the store whole again: first all rows become durable, then the mark goes.
func (s *Store) writeIdentity(restoring bool) error {
	if err := s.Flush(); err != nil {
		return err
	}
	if err := s.db.Set(identityKey(), s.identity.encode(restoring), pebble.NoSync); err != nil {
		return failed("write the identity", err)
	}
	return s.Flush()
}

func readChunk(r *bufio.Reader, sum *uint64) ([]byte, error) {
	var frame [8]byte
	if _, err := io.ReadFull(r, frame[:4]); err != nil {
		return nil, fmt.Errorf("read the length of a chunk: %w", noEOF(err))
	}
	length := binary.LittleEndian.Uint32(frame[:4])
	if length > maxChunkBytes {
		return nil, fmt.Errorf("a chunk of %d bytes, more than %d: %w", length, maxChunkBytes, ErrCorrupt)
	}
	rows := make([]byte, length)
	if _, err := io.ReadFull(r, rows); err != nil {
		return nil, fmt.Errorf("read a chunk of %d bytes: %w", length, noEOF(err))
	}
	if _, err := io.ReadFull(r, frame[:]); err != nil {
		return nil, fmt.Errorf("read the checksum of a chunk: %w", noEOF(err))
	}
	*sum = xxh3.HashSeed(rows, *sum)
	if got := binary.LittleEndian.Uint64(frame[:]); got != *sum {
		return nil, fmt.Errorf("a chunk has checksum %016x, want %016x: %w", *sum, got, ErrCorrupt)
	}
	return rows, nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// restoreRows writes the rows of one chunk. The identity is checked instead of written.
func (s *Store) restoreRows(rows []byte, identified *bool) error {
	b := s.db.NewBatch()
	defer b.Close()
	for len(rows) > 0 {
		var key, value []byte
		var ok bool
		if key, rows, ok = cutBytes(rows); ok {
			value, rows, ok = cutBytes(rows)
		}
		if !ok {
			return fmt.Errorf("a chunk ends in the middle of a row: %w", ErrCorrupt)
		}
		if string(key) == string(identityKey()) {
			if err := s.checkIdentity(value); err != nil {
				return err
			}
			*identified = true
			continue
		}
		if err := b.Set(key, value, nil); err != nil {
			return failed("write row %x", err, key)
		}
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return failed("write rows", err)
	}
	return nil
}

func (s *Store) checkIdentity(row []byte) error {
	i, err := decodeIdentity(row)
	if err != nil {
		return err
	}
	if i.Identity != s.identity {
		return fmt.Errorf("the stream holds partition %d with keys %s, not partition %d with keys %s: %w",
			i.Partition, i.Keys, s.identity.Partition, s.identity.Keys, ErrIdentity)
	}
	return nil
}

func cutBytes(b []byte) (part, rest []byte, ok bool) {
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return nil, nil, false
	}
	return b[n : n+int(length)], b[n+int(length):], true
}

// Checkpoint flushes and makes dir, on the same file system, a copy of the store out of hard links.
// It returns the position of the copy. dir must not exist.
func (s *Store) Checkpoint(dir string) (protocol.LSN, error) {
	if err := s.Flush(); err != nil {
		return 0, err
	}
	if err := s.db.Checkpoint(dir); err != nil {
		return 0, failed("checkpoint partition %d to %s", err, s.identity.Partition, dir)
	}
	lsn, err := checkpointLSN(s.fs, dir)
	if err != nil {
		return 0, fmt.Errorf("checkpoint partition %d to %s: %w", s.identity.Partition, dir, err)
	}
	return lsn, nil
}

// checkpointLSN reads the position of a checkpoint; a flush may have run since Checkpoint's own.
func checkpointLSN(fs vfs.FS, dir string) (lsn protocol.LSN, err error) {
	shared := NewShared(SharedConfig{BlockCacheBytes: 1 << 20, OpenFiles: 16})
	defer shared.Close()
	o := options(Config{FS: fs}.withDefaults(), shared)
	o.ReadOnly = true
	db, err := pebble.Open(dir, o)
	if err != nil {
		return 0, failed("open the checkpoint", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	vars, err := Reader{db}.Vars()
	return vars.Applied, err
}
