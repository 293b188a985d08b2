package wire

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// Lengths of all widths, guessed too small, right and too large, give the bytes that the library
// gives.
func TestBeginEnd(t *testing.T) {
	for _, size := range []int{0, 1, 127, 128, 16383, 16384, 1 << 21} {
		content := bytes.Repeat([]byte{7}, size)
		want := protowire.AppendTag([]byte("x"), 3, protowire.BytesType)
		want = protowire.AppendBytes(want, content)
		for _, hint := range []int{-1, 0, 127, 128, 20000, 1 << 21, math.MaxInt} {
			dst, mark := Begin([]byte("x"), 3, hint)
			if got := End(append(dst, content...), mark); !bytes.Equal(got, want) {
				t.Errorf("%d bytes, hint %d: got %d bytes, want %d", size, hint, len(got), len(want))
			}
			dst, mark = Begin([]byte("x"), 3, hint)
			optional := EndOptional(append(dst, content...), mark)
			if size == 0 && string(optional) != "x" || size > 0 && !bytes.Equal(optional, want) {
				t.Errorf("%d bytes, hint %d: EndOptional differs", size, hint)
			}
		}
	}
}

func TestZeroValuesAreLeftOut(t *testing.T) {
	var b []byte
	b = AppendUvarint(b, 1, uint32(0))
	b = AppendFixed64(b, 1, uint64(0))
	b = AppendBool(b, 1, false)
	b = AppendBytes(b, 1, []byte{})
	b = AppendString(b, 1, "")
	b = AppendText(b, 1, "")
	b = AppendOptionalString(b, 1, nil)
	b = AppendPacked(b, 1, []uint32{})
	if len(b) != 0 {
		t.Errorf("got %x", b)
	}
}

func TestFields(t *testing.T) {
	empty := ""
	var b []byte
	b = AppendUvarint(b, 1, uint64(math.MaxUint64))
	b = AppendFixed64(b, 2, uint64(math.MaxUint64))
	b = AppendBool(b, 3, true)
	b = AppendBytes(b, 4, []byte("bytes"))
	b = AppendString(b, 5, "\xff")
	b = AppendText(b, 6, "a\xff")
	b = AppendOptionalString(b, 7, &empty)
	b = AppendPacked(b, 8, []uint32{1, 300})
	b = protowire.AppendTag(b, 100, protowire.StartGroupType)
	b = AppendString(b, 1, "inside a group")
	b = protowire.AppendTag(b, 100, protowire.EndGroupType)
	b = protowire.AppendFixed32(protowire.AppendTag(b, 101, protowire.Fixed32Type), 1)
	b = AppendPacked(b, 9, []uint64{1, 1 << 40})
	b = AppendPresentUvarint(b, 9, uint64(5))
	b = AppendPresentBytes(b, protowire.MaxValidNumber, nil)

	var got []string
	add := func(num Number, v any) { got = append(got, fmt.Sprintf("%d:%v", num, v)) }
	d := NewDecoder(b)
	var long []uint64
	for d.Next() {
		switch d.Field() {
		case 1:
			add(1, d.Uint64())
		case 2:
			add(2, d.Fixed64())
		case 3:
			add(3, d.Bool())
		case 4:
			add(4, string(d.Bytes()))
		case 5:
			add(5, fmt.Sprintf("%q", d.RawString()))
		case 6:
			add(6, d.Text())
		case 7:
			add(7, fmt.Sprintf("%q", *d.OptionalText()))
		case 8:
			add(8, d.AppendUint32s(nil))
		case 9:
			long = d.AppendUint64s(long)
		}
	}
	add(9, long)
	want := []string{
		"1:18446744073709551615", "2:18446744073709551615", "3:true", "4:bytes", `5:"\xff"`,
		"6:a\uFFFD", `7:""`, "8:[1 300]", "9:[1 1099511627776 5]",
	}
	if d.Err() != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, d.Err(), want)
	}
}

func TestErrors(t *testing.T) {
	text := AppendPresentString(nil, 1, "\xff")
	number := AppendUvarint(nil, 1, uint64(1)<<40)
	for _, c := range []struct {
		name string
		b    []byte
		read func(*Decoder)
		want error
	}{
		{"cut tag", []byte{0x80}, nil, ErrTruncated},
		{"tag zero", []byte{0}, nil, ErrMalformed},
		{"tag above the largest", []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x01}, nil, ErrMalformed},
		{"cut varint", []byte{8, 0x80}, nil, ErrTruncated},
		{"endless varint", append([]byte{8}, bytes.Repeat([]byte{0x80}, 11)...), nil, ErrMalformed},
		{"cut fixed", []byte{9, 1, 2}, nil, ErrTruncated},
		{"length past the end", []byte{10, 200, 1}, nil, ErrTruncated},
		{"huge length", []byte{10, 255, 255, 255, 255, 255, 255, 255, 255, 127}, nil, ErrTruncated},
		{"reserved wire type", []byte{15}, nil, ErrMalformed},
		{"end of no group", []byte{12}, nil, ErrMalformed},
		{"group without end", []byte{11}, nil, ErrTruncated},
		{"string as number", text, func(d *Decoder) { d.Uint64() }, ErrFieldType},
		{"number as string", number, func(d *Decoder) { d.Bytes() }, ErrFieldType},
		{"number as fixed", number, func(d *Decoder) { d.Fixed64() }, ErrFieldType},
		{"not text", text, func(d *Decoder) { d.Text() }, ErrUTF8},
		{"more than 32 bits", number, func(d *Decoder) { d.Uint32() }, ErrRange},
		{"more than 16 bits", number, func(d *Decoder) { d.Uint16() }, ErrRange},
		{"more than 8 bits", number, func(d *Decoder) { d.Uint8() }, ErrRange},
		{"element of more than 32 bits", number, func(d *Decoder) { d.AppendUint32s(nil) }, ErrRange},
		{"bad list", text, func(d *Decoder) { d.AppendUint32s(nil) }, ErrMalformed},
		{"bad long list", text, func(d *Decoder) { d.AppendUint64s(nil) }, ErrMalformed},
		{"array of another length", text, func(d *Decoder) { d.Array(make([]byte, 2)) }, ErrRange},
	} {
		d := NewDecoder(c.b)
		for d.Next() {
			if c.read != nil {
				c.read(&d)
			}
		}
		if !errors.Is(d.Err(), c.want) {
			t.Errorf("%s: got error %v, want %v", c.name, d.Err(), c.want)
		}
		if d.Next() {
			t.Errorf("%s: the decoder goes on after an error", c.name)
		}
	}
}

func TestFirstErrorStays(t *testing.T) {
	first := errors.New("first")
	d := NewDecoder(AppendString(nil, 4, "x"))
	d.Next()
	d.Fail(nil)
	d.Fail(first)
	d.Fail(errors.New("second"))
	if err := d.Err(); !errors.Is(err, first) || err.Error() != "field 4: first" {
		t.Errorf("got %v", err)
	}
}

func TestCount(t *testing.T) {
	b := AppendString(AppendString(AppendString(nil, 1, "a"), 2, "b"), 1, "c")
	d := NewDecoder(b)
	if got := d.Count(1); got != 2 {
		t.Errorf("before the first field: got %d, want 2", got)
	}
	d.Next()
	if got := d.Count(1); got != 1 || d.Field() != 1 || d.RawString() != "a" {
		t.Errorf("at the first field: got %d, want 1 after it, and the field unmoved", got)
	}
}

func TestSizes(t *testing.T) {
	for _, v := range []uint64{0, 1, 127, 128, math.MaxUint64} {
		if got, want := SizeUvarint(20, v), len(AppendUvarint(nil, 20, v)); got != want {
			t.Errorf("SizeUvarint(%d) = %d, want %d", v, got, want)
		}
	}
	for _, list := range [][]uint32{nil, {0}, {1, 300}, make([]uint32, 200)} {
		if got, want := SizePacked(20, list), len(AppendPacked(nil, 20, list)); got != want {
			t.Errorf("SizePacked of %d = %d, want %d", len(list), got, want)
		}
	}
}

func TestDecoderDoesNotAllocate(t *testing.T) {
	b := AppendUvarint(AppendBytes(AppendFixed64(nil, 3, uint64(5)), 2, []byte("x")), 1, uint8(9))
	var sum uint64
	if n := testing.AllocsPerRun(100, func() {
		d := NewDecoder(b)
		for d.Next() {
			switch d.Field() {
			case 1:
				sum += uint64(d.Uint8())
			case 2:
				sum += uint64(len(d.Bytes()))
			case 3:
				sum += d.Fixed64()
			}
		}
	}); n != 0 || sum == 0 {
		t.Errorf("%v allocations", n)
	}
}
