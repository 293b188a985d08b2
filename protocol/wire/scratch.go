package wire

import (
	"math/bits"
	"sync"
)

// Large encodings live for a moment, between being built and being copied to where they stay. Memory
// for them is used again: fresh memory of that size has to be cleared, and makes garbage collections
// come early.
const (
	minScratchBits = 16 // 64 KiB; smaller buffers are cheap
	maxScratchBits = 23 // 8 MiB; larger ones are rare
)

var scratch [maxScratchBits - minScratchBits + 1]sync.Pool // of *[]byte, by the logarithm of their size

// Scratch returns an empty buffer with room for size bytes. It may be given to Release.
func Scratch(size int) []byte {
	class := max(bits.Len(uint(max(size, 1)-1)), minScratchBits)
	if size < 1<<minScratchBits || class > maxScratchBits {
		return make([]byte, 0, size)
	}
	if b, ok := scratch[class-minScratchBits].Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, 0, 1<<class)
}

// Release gives a buffer back that nobody uses any more. Buffers that do not come from Scratch may be
// given too, if they are the caller's as a whole.
func Release(b []byte) {
	class := bits.Len(uint(cap(b))) - 1
	if class < minScratchBits || class > maxScratchBits || cap(b) != 1<<class {
		return
	}
	b = b[:0]
	scratch[class-minScratchBits].Put(&b)
}
