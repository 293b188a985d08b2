package bifrost

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"hash/crc32"
	"os"
	"slices"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

func sealed(batch uint64, records ...[]byte) []byte {
	b := newEntryBuilder(0)
	for _, r := range records {
		b.add(r)
	}
	return b.seal(batch)
}

// goldenEntries are pinned byte by byte, except for the compressed one: a newer compressor may
// write other bytes, and what an older one wrote must stay readable.
func goldenEntries() map[string][][]byte {
	return map[string][][]byte{
		"empty record": {{}},
		"two records":  {[]byte("first"), []byte("second")},
		"long record":  {bytes.Repeat([]byte("0123456789"), 20)},
		"compressed":   {bytes.Repeat([]byte("all work and no play "), 300), []byte("tail")},
	}
}

const goldenBatch = 0x0102030405060708

func TestEntryGolden(t *testing.T) {
	const path = "testdata/raft-entry.golden"
	if *rewrite {
		var out strings.Builder
		names := []string{"empty record", "two records", "long record", "compressed"}
		for _, name := range names {
			data := sealed(goldenBatch, goldenEntries()[name]...)
			out.WriteString(name + ": " + hex.EncodeToString(data) + "\n")
		}
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if len(lines) != len(goldenEntries()) {
		t.Fatalf("%d golden entries, want %d", len(lines), len(goldenEntries()))
	}
	for _, line := range lines {
		name, text, _ := strings.Cut(line, ": ")
		golden, err := hex.DecodeString(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := goldenEntries()[name]
		got, err := decodeEntry(golden)
		if err != nil || got.batch != goldenBatch || !slices.EqualFunc(got.records, want, bytes.Equal) {
			t.Errorf("%s decodes to batch %#x, %q, %v", name, got.batch, got.records, err)
		}
		if name != "compressed" && !bytes.Equal(sealed(goldenBatch, want...), golden) {
			t.Errorf("%s is now written as %x", name, sealed(goldenBatch, want...))
		}
	}
}

func TestEntryCompressesOnlyWhenItHelps(t *testing.T) {
	noise := make([]byte, 100<<10)
	for i := range noise {
		noise[i] = byte(uint64(i) * uint64(i) * 0x9e3779b97f4a7c15 >> 56)
	}
	text := bytes.Repeat([]byte("a journal entry repeats itself; "), 4000)
	for name, test := range map[string]struct {
		record []byte
		flags  byte
	}{
		"noise": {noise, 0}, "text": {text, flagZstd}, "short text": {text[:compressFrom-100], 0},
		"noise before text": {slices.Concat(noise, text), flagZstd},
		"little noise":      {noise[:sampleFrom/2], 0},
	} {
		data := sealed(1, test.record)
		if data[1] != test.flags {
			t.Errorf("%s of %d bytes was stored in %d with flags %#x",
				name, len(test.record), len(data), data[1])
		}
		if got, err := decodeEntry(data); err != nil || !bytes.Equal(got.records[0], test.record) {
			t.Errorf("%s does not come back: %v", name, err)
		}
	}
}

func TestEntryRefusesEveryFlippedBitAndEveryCut(t *testing.T) {
	good := sealed(7, []byte("one"), []byte("two"))
	for i := range len(good) * 8 {
		bad := bytes.Clone(good)
		bad[i/8] ^= 1 << (i % 8)
		if _, err := decodeEntry(bad); !errors.Is(err, errCorruptEntry) {
			t.Fatalf("bit %d flipped: %v", i, err)
		}
	}
	for n := range good {
		if _, err := decodeEntry(good[:n]); !errors.Is(err, errCorruptEntry) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
}

// FuzzDecodeEntry feeds the decoder bodies behind a valid checksum, so that it gets past it.
func FuzzDecodeEntry(f *testing.F) {
	for _, records := range goldenEntries() {
		data := sealed(goldenBatch, records...)
		f.Add(data[:len(data)-entryCRCSize])
	}
	f.Add([]byte{entryVersion, flagZstd, 0xff, 0x0f, 0xff, 0xff, 0xff, 0x01, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := decodeEntry(withChecksum(data))
		if err != nil {
			return
		}
		if len(e.records) == 0 || len(e.records) > MaxAppendRecords {
			t.Fatalf("decoded %d records", len(e.records))
		}
		again, err := decodeEntry(sealed(e.batch, e.records...))
		if err != nil || again.batch != e.batch ||
			!slices.EqualFunc(again.records, e.records, bytes.Equal) {
			t.Fatalf("does not survive being written again: %v", err)
		}
	})
}

// withChecksum appends a valid checksum.
func withChecksum(data []byte) []byte {
	return binary.LittleEndian.AppendUint32(bytes.Clone(data), crc32.Checksum(data, castagnoli))
}
