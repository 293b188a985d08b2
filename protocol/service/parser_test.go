package service

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/perdure/perdure/protocol/journal"
	"github.com/perdure/perdure/protocol/wire/wiretest"
)

const testLimit = 1 << 20

// collect returns an emit that copies frames to list.
func collect(list *[]Frame) func(Frame) error {
	return func(f Frame) error {
		f.Body = bytes.Clone(f.Body)
		*list = append(*list, f)
		return nil
	}
}

func testStream() (frames []Frame, stream []byte) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 40 {
		size := []int{0, 1, 7, 8, 9, 100, 511, 512, 513, 3000, 70_000}[i%11]
		f := Frame{Type: journal.Type(rng.Uint32()), Flags: uint16(rng.Uint32())}
		f.Body = make([]byte, size)
		for j := range f.Body {
			f.Body[j] = byte(rng.Uint32())
		}
		frames = append(frames, f)
		stream = AppendFrame(stream, f.Type, f.Flags, f.Body)
	}
	return frames, stream
}

func TestParserTakesAnyPieces(t *testing.T) {
	want, stream := testStream()
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 0))
		largest := []int{1, 3, 9, 700, 5000, len(stream)}[seed%6]
		var got []Frame
		p := NewParser(testLimit)
		for rest := stream; len(rest) > 0; {
			n := min(1+rng.IntN(largest), len(rest))
			chunk := bytes.Clone(rest[:n])
			if err := p.Feed(chunk, collect(&got)); err != nil {
				t.Fatal(err)
			}
			for i := range chunk { // the parser must not have kept it
				chunk[i] = 0xAA
			}
			rest = rest[n:]
		}
		for i := range got {
			if !bytes.Equal(got[i].Body, want[i].Body) || got[i].Type != want[i].Type ||
				got[i].Flags != want[i].Flags {
				t.Fatalf("seed %d: frame %d differs", seed, i)
			}
		}
		if n, inside := p.Partial(); len(got) != len(want) || inside || n != 0 {
			t.Fatalf("seed %d: %d frames, want %d; inside a frame: %v", seed, len(got), len(want), inside)
		}
	}
}

func TestParserDoesNotCopyWholeFrames(t *testing.T) {
	stream := AppendFrame(AppendFrame(nil, 1, 0, []byte("first")), 2, 0, []byte("second"))
	i := 0
	offsets := []int{HeaderLen, 2*HeaderLen + len("first")}
	allocs := testing.AllocsPerRun(10, func() {
		p := Parser{limit: testLimit}
		i = 0
		_ = p.Feed(stream, func(f Frame) error {
			if &f.Body[0] != &stream[offsets[i]] || cap(f.Body) != len(f.Body) || f.Own {
				t.Errorf("frame %d is a copy, says so, or could grow into the next one", i)
			}
			i++
			return nil
		})
	})
	if i != 2 || allocs > 1 {
		t.Errorf("%d frames, %v allocations", i, allocs)
	}
}

// Frames that came in pieces stay as they are while the parser goes on.
func TestParserHandsOverBuffers(t *testing.T) {
	var got []Frame
	keep := func(f Frame) error { got = append(got, f); return nil }
	p := NewParser(testLimit)
	for _, body := range []string{"one", "two"} {
		for _, b := range AppendFrame(nil, 1, 0, []byte(body)) {
			if err := p.Feed([]byte{b}, keep); err != nil {
				t.Fatal(err)
			}
		}
	}
	if string(got[0].Body) != "one" || string(got[1].Body) != "two" || !got[0].Own {
		t.Errorf("got %q and %q, their own: %v", got[0].Body, got[1].Body, got[0].Own)
	}
}

func TestParserLimit(t *testing.T) {
	header := AppendHeader(nil, FrameHeader{Type: TypeEnd, Length: 1<<32 - 1})
	for _, pieces := range [][][]byte{{header}, {header[:3], header[3:]}} {
		p := NewParser(10)
		var err error
		for _, piece := range pieces {
			err = p.Feed(piece, func(Frame) error { t.Error("a frame"); return nil })
		}
		var large *FrameTooLargeError
		if !errors.Is(err, ErrFrameTooLarge) || !errors.As(err, &large) || large.SizeBytes != 1<<32-1 {
			t.Errorf("got error %v", err)
		}
		if again := p.Feed([]byte{1}, nil); again != err {
			t.Errorf("after an error: got %v", again)
		}
	}
	if err := NewParser(5).Feed(AppendFrame(nil, 1, 0, make([]byte, 5)), func(Frame) error {
		return nil
	}); err != nil {
		t.Errorf("a frame as large as the limit: %v", err)
	}
}

// An announced length costs no memory before its bytes are there.
func TestParserBelievesOnlyBytes(t *testing.T) {
	p := NewParser(1 << 30)
	stream := append(AppendHeader(nil, FrameHeader{Length: 1 << 30}), make([]byte, 1000)...)
	if err := p.Feed(stream, nil); err != nil {
		t.Fatal(err)
	}
	if n, inside := p.Partial(); !inside || n != len(stream) || cap(p.body) > 4096 {
		t.Errorf("%d bytes of a frame, %d reserved", n, cap(p.body))
	}
}

func TestParserStopsAtEmitError(t *testing.T) {
	stop := errors.New("stop")
	stream := AppendFrame(AppendFrame(nil, 1, 0, nil), 2, 0, nil)
	count := 0
	p := NewParser(testLimit)
	err := p.Feed(stream, func(Frame) error { count++; return stop })
	if err != stop || count != 1 || p.Feed(stream, nil) != stop {
		t.Errorf("got error %v after %d frames", err, count)
	}
}

func FuzzParser(f *testing.F) {
	for _, body := range wiretest.Load(f, golden) {
		f.Add(AppendFrame(AppendFrame(nil, TypeStart, 0, body), TypeEnd, FlagRequestedAck, nil), uint8(5))
	}
	f.Fuzz(func(t *testing.T, stream []byte, size uint8) {
		var whole, pieces []Frame
		errWhole := NewParser(1000).Feed(stream, collect(&whole))
		var errPieces error
		p := NewParser(1000)
		for chunk := range slices.Chunk(stream, 1+int(size)) {
			errPieces = p.Feed(chunk, collect(&pieces))
		}
		if !reflect.DeepEqual(errWhole, errPieces) {
			t.Fatalf("at once: error %v, in pieces: error %v", errWhole, errPieces)
		}
		if len(whole) != len(pieces) {
			t.Fatalf("at once: %d frames, in pieces: %d", len(whole), len(pieces))
		}
		for i := range whole {
			if whole[i].Type != pieces[i].Type || whole[i].Flags != pieces[i].Flags ||
				!bytes.Equal(whole[i].Body, pieces[i].Body) {
				t.Fatalf("frame %d: at once %+v, in pieces %+v", i, whole[i], pieces[i])
			}
		}
	})
}

func BenchmarkParser(b *testing.B) {
	stream := AppendFrame(nil, journal.TypeRun, 0, make([]byte, 100))
	emit := func(Frame) error { return nil }
	for name, cut := range map[string]int{"pieces=1": len(stream), "pieces=2": 50} {
		b.Run(name, func(b *testing.B) {
			p := NewParser(testLimit)
			b.ReportAllocs()
			for b.Loop() {
				if p.Feed(stream[:cut], emit) != nil || p.Feed(stream[cut:], emit) != nil {
					b.Fatal(p.err)
				}
			}
		})
	}
}
