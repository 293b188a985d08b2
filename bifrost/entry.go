package bifrost

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/perdure/perdure/protocol/wire"
)

// One entry of the replicated log carries one batch of records. Byte layout, all integers little
// endian; docs/format/raft-entry.md is the reference, testdata/raft-entry.golden pins it:
//
//	version u8 | flags u8 | count-1 u16 | body size u32 | batch id u64 | body | crc32c u32
//
// The body is count times {uvarint length, bytes}; with flagZstd it is one zstd frame of that.
const (
	entryVersion    = 1
	flagZstd        = 1 << 0
	knownFlags      = flagZstd
	entryHeaderSize = 16
	entryCRCSize    = 4

	// compressFrom is the body size from which compression is tried; of one from sampleFrom on, only
	// samples first.
	compressFrom = 4 << 10
	sampleFrom   = 64 << 10
	sampleBytes  = 4 << 10 // of one sample
	samples      = 4
	// maxEntryBody bounds a decoded body: the largest append and its length prefixes.
	maxEntryBody = MaxAppendBytes + MaxAppendRecords*binary.MaxVarintLen32
)

// errCorruptEntry means the bytes of an entry are not what some encoder wrote.
var errCorruptEntry = errors.New("corrupt log entry: rebuild this replica from a snapshot")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// The codecs are built on first use: they hold some MiB each.
var (
	zstdWriter = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithEncoderConcurrency(2), zstd.WithEncoderCRC(false))
	})
	zstdReader = sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(2),
			zstd.WithDecoderMaxMemory(maxEntryBody))
	})
)

// entry is a decoded entry. The records alias the bytes they were decoded from.
type entry struct {
	batch   uint64
	records [][]byte
}

// entryBuilder collects the records of one entry. Its buffer begins with room for the header.
type entryBuilder struct {
	buf   []byte
	count int
}

func newEntryBuilder(sizeBytes int) entryBuilder {
	return entryBuilder{buf: wire.Scratch(entryHeaderSize + sizeBytes + entryCRCSize)[:entryHeaderSize]}
}

// add copies one record into the entry.
func (b *entryBuilder) add(record []byte) {
	b.buf = binary.AppendUvarint(b.buf, uint64(len(record)))
	b.buf = append(b.buf, record...)
	b.count++
}

// bodyBytes is the size of the records with their length prefixes.
func (b *entryBuilder) bodyBytes() int { return len(b.buf) - entryHeaderSize }

// seal returns the finished entry, which may be given to wire.Release. The builder must not be used
// after it.
func (b *entryBuilder) seal(batch uint64) []byte {
	if b.count < 1 || b.count > MaxAppendRecords || b.bodyBytes() > maxEntryBody {
		panic(fmt.Sprintf("entry of %d records in %d bytes passes the limits", b.count, b.bodyBytes()))
	}
	body := b.bodyBytes()
	out, flags := b.buf, byte(0)
	if body >= compressFrom {
		if small, ok := compress(b.buf[entryHeaderSize:]); ok {
			wire.Release(out)
			out, flags = small, flagZstd
		}
	}
	out[0], out[1] = entryVersion, flags
	binary.LittleEndian.PutUint16(out[2:], uint16(b.count-1))
	binary.LittleEndian.PutUint32(out[4:], uint32(body))
	binary.LittleEndian.PutUint64(out[8:], batch)
	return binary.LittleEndian.AppendUint32(out, crc32.Checksum(out, castagnoli))
}

// compress returns header room followed by the compressed body, if that saves at least an eighth.
func compress(body []byte) ([]byte, bool) {
	w, err := zstdWriter()
	if err != nil || len(body) >= sampleFrom && !compressible(w, body) {
		return nil, false
	}
	out := wire.Scratch(entryHeaderSize + len(body)/2 + entryCRCSize)[:entryHeaderSize]
	out = w.EncodeAll(body, out)
	if !shrinks(len(out)-entryHeaderSize, len(body)) {
		wire.Release(out)
		return nil, false
	}
	return out, true
}

// compressible tells by a few samples whether a large body is worth the effort.
func compressible(w *zstd.Encoder, body []byte) bool {
	sample := make([]byte, 0, samples*sampleBytes)
	for i := range samples {
		at := i * (len(body) - sampleBytes) / (samples - 1)
		sample = append(sample, body[at:at+sampleBytes]...)
	}
	return shrinks(len(w.EncodeAll(sample, nil)), len(sample))
}

func shrinks(to, from int) bool { return to <= from/8*7 }

// decodeEntry checks and takes apart one entry. It never trusts a size before it is bounded.
func decodeEntry(data []byte) (entry, error) {
	if len(data) < entryHeaderSize+entryCRCSize {
		return entry{}, fmt.Errorf("decode an entry of %d bytes: %w", len(data), errCorruptEntry)
	}
	sealed, sum := data[:len(data)-entryCRCSize], data[len(data)-entryCRCSize:]
	if crc32.Checksum(sealed, castagnoli) != binary.LittleEndian.Uint32(sum) {
		return entry{}, fmt.Errorf("decode an entry: bad checksum: %w", errCorruptEntry)
	}
	if sealed[0] != entryVersion || sealed[1]&^knownFlags != 0 {
		return entry{}, fmt.Errorf("decode an entry of version %d, flags %#x: written by a newer "+
			"release? run at least that release", sealed[0], sealed[1])
	}
	count := int(binary.LittleEndian.Uint16(sealed[2:])) + 1
	size := binary.LittleEndian.Uint32(sealed[4:])
	if count > MaxAppendRecords || size > maxEntryBody {
		return entry{}, fmt.Errorf("decode an entry of %d records in %d bytes: %w",
			count, size, errCorruptEntry)
	}
	body, err := decodeBody(sealed, size)
	if err != nil {
		return entry{}, err
	}
	e := entry{batch: binary.LittleEndian.Uint64(sealed[8:]), records: make([][]byte, count)}
	for i := range e.records {
		length, n := binary.Uvarint(body)
		if n <= 0 || length > uint64(len(body)-n) {
			return entry{}, fmt.Errorf("decode record %d of %d: %w", i, count, errCorruptEntry)
		}
		end := n + int(length)
		e.records[i] = body[n:end:end]
		body = body[end:]
	}
	if len(body) != 0 {
		return entry{}, fmt.Errorf("decode an entry: %d bytes after its records: %w",
			len(body), errCorruptEntry)
	}
	return e, nil
}

// decodeBody returns the uncompressed body of a sealed entry.
func decodeBody(sealed []byte, size uint32) ([]byte, error) {
	body := sealed[entryHeaderSize:]
	if sealed[1]&flagZstd != 0 {
		r, err := zstdReader()
		if err != nil {
			return nil, fmt.Errorf("decompress an entry: %w", err)
		}
		// A lying size costs no more than the frame claims for itself: grow from what is there.
		room := min(int(size), 64*len(body))
		if body, err = r.DecodeAll(body, make([]byte, 0, room)); err != nil {
			return nil, fmt.Errorf("decompress an entry: %w: %w", err, errCorruptEntry)
		}
	}
	if len(body) != int(size) {
		return nil, fmt.Errorf("decode an entry: body of %d bytes, want %d: %w",
			len(body), size, errCorruptEntry)
	}
	return body, nil
}
