package wire

import "testing"

func TestScratch(t *testing.T) {
	for _, size := range []int{0, 1, 1 << 10, 1<<16 - 1, 1 << 16, 1<<16 + 1, 1 << 20, 1<<23 - 1, 1 << 23, 1<<23 + 1} {
		for range 3 { // made, then used again
			b := Scratch(size)
			if len(b) != 0 || cap(b) < size || cap(b) > max(2*size, size) {
				t.Fatalf("room for %d bytes: got %d of %d", size, len(b), cap(b))
			}
			Release(append(b, make([]byte, size)...))
		}
	}
	Release(nil)
	Release(make([]byte, 5, 100_000))
	if b := Scratch(100_000); cap(b) != 1<<17 {
		t.Errorf("a buffer of %d bytes came from elsewhere", cap(b))
	}
}

// Two that are out at once are two.
func TestScratchIsNotShared(t *testing.T) {
	Release(Scratch(1 << 20))
	a, b := Scratch(1 << 20)[:1], Scratch(1 << 20)[:1]
	a[0], b[0] = 1, 2
	if a[0] != 1 {
		t.Error("two users have one buffer")
	}
}
