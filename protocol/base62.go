package protocol

import (
	"encoding/binary"
	"math/bits"
)

// Identifiers are printed in base62 with a fixed width, so that they sort and align: 11 characters
// for 8 bytes, 22 for 16. The integer that is printed is the byte-swapped one: the first byte of
// the identifier is the least significant.
const (
	base62Alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	base62Width64  = 11
	base62Width128 = 22
)

var base62Value = func() (table [256]int8) {
	for i := range table {
		table[i] = -1
	}
	for i := range len(base62Alphabet) {
		table[base62Alphabet[i]] = int8(i)
	}
	return table
}()

func appendBase62x64(dst []byte, b [8]byte) []byte {
	n := binary.LittleEndian.Uint64(b[:])
	var out [base62Width64]byte
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = base62Alphabet[n%62]
		n /= 62
	}
	return append(dst, out[:]...)
}

func appendBase62x128(dst []byte, b [16]byte) []byte {
	hi, lo := binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[:8])
	var out [base62Width128]byte
	for i := len(out) - 1; i >= 0; i-- {
		var rem uint64
		hi, rem = hi/62, hi%62
		lo, rem = bits.Div64(rem, lo, 62)
		out[i] = base62Alphabet[rem]
	}
	return append(dst, out[:]...)
}

// parseBase62 reads all of s as one number of at most 128 bits; ok is false for a foreign character
// or a number that does not fit.
func parseBase62(s string) (hi, lo uint64, ok bool) {
	for i := range len(s) {
		v := base62Value[s[i]]
		if v < 0 {
			return 0, 0, false
		}
		overflow, high := bits.Mul64(hi, 62)
		carryHigh, low := bits.Mul64(lo, 62)
		var c uint64
		low, c = bits.Add64(low, uint64(v), 0)
		high, c = bits.Add64(high, carryHigh, c)
		if overflow != 0 || c != 0 {
			return 0, 0, false
		}
		hi, lo = high, low
	}
	return hi, lo, true
}

func parseBase62x64(s string) (b [8]byte, ok bool) {
	hi, lo, ok := parseBase62(s)
	if !ok || hi != 0 || len(s) != base62Width64 {
		return b, false
	}
	binary.LittleEndian.PutUint64(b[:], lo)
	return b, true
}

func parseBase62x128(s string) (b [16]byte, ok bool) {
	hi, lo, ok := parseBase62(s)
	if !ok || len(s) != base62Width128 {
		return b, false
	}
	binary.LittleEndian.PutUint64(b[:8], lo)
	binary.LittleEndian.PutUint64(b[8:], hi)
	return b, true
}
