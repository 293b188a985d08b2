package wire

import (
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// Number is the number of a field.
type Number = protowire.Number

// AppendUvarint appends an unsigned integer; zero is left out.
func AppendUvarint[T ~uint8 | ~uint16 | ~uint32 | ~uint64](dst []byte, num Number, v T) []byte {
	if v == 0 {
		return dst
	}
	return AppendPresentUvarint(dst, num, v)
}

// AppendPresentUvarint appends an unsigned integer even if it is zero, for members of a oneof and
// optional fields.
func AppendPresentUvarint[T ~uint8 | ~uint16 | ~uint32 | ~uint64](
	dst []byte, num Number, v T,
) []byte {
	dst = protowire.AppendTag(dst, num, protowire.VarintType)
	return protowire.AppendVarint(dst, uint64(v))
}

// AppendFixed64 appends eight bytes, little-endian; zero is left out. Use it for hashes and times,
// which are long as varints.
func AppendFixed64[T ~uint64](dst []byte, num Number, v T) []byte {
	if v == 0 {
		return dst
	}
	dst = protowire.AppendTag(dst, num, protowire.Fixed64Type)
	return protowire.AppendFixed64(dst, uint64(v))
}

// AppendBool appends a flag; false is left out.
func AppendBool(dst []byte, num Number, v bool) []byte {
	if !v {
		return dst
	}
	dst = protowire.AppendTag(dst, num, protowire.VarintType)
	return append(dst, 1)
}

// AppendBytes appends bytes; empty ones are left out.
func AppendBytes(dst []byte, num Number, b []byte) []byte {
	if len(b) == 0 {
		return dst
	}
	return AppendPresentBytes(dst, num, b)
}

// AppendPresentBytes appends bytes even if there are none.
func AppendPresentBytes(dst []byte, num Number, b []byte) []byte {
	dst = protowire.AppendTag(dst, num, protowire.BytesType)
	return protowire.AppendBytes(dst, b)
}

// AppendString appends a string as it is, valid UTF-8 or not; the empty one is left out.
func AppendString(dst []byte, num Number, s string) []byte {
	if s == "" {
		return dst
	}
	return AppendPresentString(dst, num, s)
}

// AppendPresentString appends a string as it is, even the empty one.
func AppendPresentString(dst []byte, num Number, s string) []byte {
	dst = protowire.AppendTag(dst, num, protowire.BytesType)
	return protowire.AppendString(dst, s)
}

// AppendOptionalString appends a string as it is unless the pointer is nil.
func AppendOptionalString(dst []byte, num Number, s *string) []byte {
	if s == nil {
		return dst
	}
	return AppendPresentString(dst, num, *s)
}

// AppendText appends a string that others read as UTF-8: invalid bytes become U+FFFD, because a
// reader would refuse the whole message. The empty string is left out.
func AppendText(dst []byte, num Number, s string) []byte {
	if s == "" {
		return dst
	}
	return AppendPresentText(dst, num, s)
}

// AppendPresentText is AppendText that writes the empty string too.
func AppendPresentText(dst []byte, num Number, s string) []byte {
	return AppendPresentString(dst, num, strings.ToValidUTF8(s, "\uFFFD"))
}

// AppendPacked appends a packed list of unsigned integers; an empty list is left out.
func AppendPacked[T ~uint32 | ~uint64](dst []byte, num Number, list []T) []byte {
	if len(list) == 0 {
		return dst
	}
	dst = protowire.AppendTag(dst, num, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(packedSize(list)))
	for _, v := range list {
		dst = protowire.AppendVarint(dst, uint64(v))
	}
	return dst
}

func packedSize[T ~uint32 | ~uint64](list []T) (size int) {
	for _, v := range list {
		size += protowire.SizeVarint(uint64(v))
	}
	return size
}

// SizePacked is the number of bytes that AppendPacked appends.
func SizePacked[T ~uint32 | ~uint64](num Number, list []T) int {
	if len(list) == 0 {
		return 0
	}
	return protowire.SizeTag(num) + protowire.SizeBytes(packedSize(list))
}

// SizeBytes is the number of bytes of a length-delimited field with n bytes of content.
func SizeBytes(num Number, n int) int { return protowire.SizeTag(num) + protowire.SizeBytes(n) }

// AppendLength appends the tag and length of a nested message whose size is known; its n bytes
// must follow.
func AppendLength(dst []byte, num Number, n int) []byte {
	dst = protowire.AppendTag(dst, num, protowire.BytesType)
	return protowire.AppendVarint(dst, uint64(n))
}

// Mark remembers where a nested message began.
type Mark struct {
	tag, body int // offsets of the field's tag and of the first byte after the reserved length
	width     int // bytes reserved for the length
}

// Begin starts a nested message; append its fields, then call End. hint is the size expected, in
// bytes: a good guess saves moving the message when its length becomes known.
func Begin(dst []byte, num Number, hint int) ([]byte, Mark) {
	m := Mark{tag: len(dst), width: protowire.SizeVarint(uint64(max(hint, 0)))}
	dst = protowire.AppendTag(dst, num, protowire.BytesType)
	var reserve [10]byte
	dst = append(dst, reserve[:m.width]...)
	m.body = len(dst)
	return dst, m
}

// End finishes a nested message; it is written even if it is empty.
func End(dst []byte, m Mark) []byte {
	size := len(dst) - m.body
	if width := protowire.SizeVarint(uint64(size)); width != m.width {
		dst = moveTail(dst, m.body, width-m.width)
		m.body += width - m.width
		m.width = width
	}
	putVarint(dst[m.body-m.width:m.body], uint64(size))
	return dst
}

// EndOptional finishes a nested message and takes it back if it is empty.
func EndOptional(dst []byte, m Mark) []byte {
	if len(dst) == m.body {
		return dst[:m.tag]
	}
	return End(dst, m)
}

// moveTail moves dst[from:] by the given distance, which may be negative.
func moveTail(dst []byte, from, by int) []byte {
	size := len(dst) - from
	if by > 0 {
		var room [10]byte
		dst = append(dst, room[:by]...)
	}
	copy(dst[from+by:], dst[from:from+size])
	return dst[:from+by+size]
}

// putVarint fills b, whose length is the varint's.
func putVarint(b []byte, v uint64) {
	for i := range len(b) - 1 {
		b[i] = byte(v) | 0x80
		v >>= 7
	}
	b[len(b)-1] = byte(v)
}

// SizeUvarint is the number of bytes that AppendUvarint appends.
func SizeUvarint(num Number, v uint64) int {
	if v == 0 {
		return 0
	}
	return protowire.SizeTag(num) + protowire.SizeVarint(v)
}
