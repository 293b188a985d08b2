package metadata

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/perdure/perdure/protocol"
)

// The form of a snapshot, in a file as in a stream. docs/format/metadata.md shows the bytes.
const (
	snapshotMagic   = "PERDMETA"
	snapshotVersion = 1
	snapshotFile    = "metadata.snapshot"

	snapshotHeaderBytes = 8 + 4 + 8 + 4
	entryHeaderBytes    = 2 + 8 + 16 + 4
	maxSnapshotBytes    = 2 << 30
)

// ErrCorrupt means that a snapshot is damaged or of a newer release. The replica must be rebuilt
// from another one.
var ErrCorrupt = errors.New("the metadata snapshot is corrupt")

func (m *machine) encode() []byte {
	b := append([]byte(nil), snapshotMagic...)
	b = binary.BigEndian.AppendUint32(b, snapshotVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(m.applied))
	b = binary.BigEndian.AppendUint32(b, uint32(len(m.entries)))
	for _, key := range slices.Sorted(maps.Keys(m.entries)) {
		e := m.entries[key]
		b = binary.BigEndian.AppendUint16(b, uint16(len(key)))
		b = append(b, key...)
		b = binary.BigEndian.AppendUint64(b, e.version)
		b = append(b, e.writer[:]...)
		b = binary.BigEndian.AppendUint32(b, uint32(len(e.value)))
		b = append(b, e.value...)
	}
	return binary.BigEndian.AppendUint64(b, xxh3.Hash(b))
}

// decodeMachine is the inverse of encode. The values share b.
func decodeMachine(b []byte) (*machine, error) {
	const sumBytes = 8
	if len(b) < snapshotHeaderBytes+sumBytes || !bytes.HasPrefix(b, []byte(snapshotMagic)) {
		return nil, fmt.Errorf("%w: it does not begin like one", ErrCorrupt)
	}
	body, sum := b[:len(b)-sumBytes], binary.BigEndian.Uint64(b[len(b)-sumBytes:])
	if got := xxh3.Hash(body); got != sum {
		return nil, fmt.Errorf("%w: its checksum is %016x, computed %016x", ErrCorrupt, sum, got)
	}
	if v := binary.BigEndian.Uint32(b[8:]); v != snapshotVersion {
		return nil, fmt.Errorf("%w: its form is %d, this release reads %d", ErrCorrupt, v, snapshotVersion)
	}
	m := newMachine()
	m.applied = protocol.LSN(binary.BigEndian.Uint64(body[12:]))
	count := binary.BigEndian.Uint32(body[20:])
	rest := body[snapshotHeaderBytes:]
	for range count {
		key, e, after, ok := decodeEntry(rest)
		if !ok {
			return nil, fmt.Errorf("%w: it ends inside an entry", ErrCorrupt)
		}
		m.entries[key], rest = e, after
	}
	if len(rest) != 0 || len(m.entries) != int(count) {
		return nil, fmt.Errorf("%w: %d bytes are left after %d entries", ErrCorrupt, len(rest), count)
	}
	return m, nil
}

func decodeEntry(b []byte) (key string, e entry, rest []byte, ok bool) {
	if len(b) < 2 {
		return "", e, nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	if len(b) < n+entryHeaderBytes {
		return "", e, nil, false
	}
	key, b = string(b[2:2+n]), b[2+n:]
	e.version = binary.BigEndian.Uint64(b)
	copy(e.writer[:], b[8:24])
	size := uint64(binary.BigEndian.Uint32(b[24:]))
	b = b[28:]
	if uint64(len(b)) < size {
		return "", e, nil, false
	}
	e.value = b[:size:size]
	return key, e, b[size:], true
}

// readSnapshot takes a snapshot from a stream.
func readSnapshot(r io.Reader) (*machine, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxSnapshotBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read a metadata snapshot: %w", err)
	}
	if len(b) > maxSnapshotBytes {
		return nil, fmt.Errorf("%w: it exceeds %d bytes", ErrCorrupt, maxSnapshotBytes)
	}
	return decodeMachine(b)
}

// loadFile reads the snapshot in dir; none is an empty machine.
func loadFile(dir string) (*machine, error) {
	path := filepath.Join(dir, snapshotFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newMachine(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the metadata snapshot: %w", err)
	}
	m, err := decodeMachine(b)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w: remove the node's data and let it rejoin", path, err)
	}
	return m, nil
}

// saveFile replaces the snapshot in dir. After a crash there is either the old one or the new one:
// the name is moved only after the bytes are on disk, and the move is made durable too.
func (m *machine) saveFile(dir string) error {
	path := filepath.Join(dir, snapshotFile)
	if err := writeSynced(path+".new", m.encode()); err != nil {
		return fmt.Errorf("write the metadata snapshot: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("put the metadata snapshot in place: %w", err)
	}
	if err := syncDir(dir); err != nil {
		return fmt.Errorf("sync the folder of the metadata snapshot: %w", err)
	}
	return nil
}

func writeSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
