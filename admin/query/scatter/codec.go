package scatter

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/perdure/perdure/admin/query/table"
	"github.com/perdure/perdure/protocol/wire"
)

// request asks for the rows of one partition. Columns have names: nodes of different releases may
// have different tables.
type request struct {
	partition  uint16
	table      string
	columns    []string
	conditions []condition
	limit      uint64
}

type condition struct {
	column string
	op     table.Op
	values []table.Value
}

func (r *request) append(dst []byte) []byte {
	dst = wire.AppendUvarint(dst, 1, r.partition)
	dst = wire.AppendString(dst, 2, r.table)
	for _, c := range r.columns {
		dst = wire.AppendPresentString(dst, 3, c)
	}
	for i := range r.conditions {
		var mark wire.Mark
		dst, mark = wire.Begin(dst, 4, 0)
		dst = wire.End(r.conditions[i].append(dst), mark)
	}
	return wire.AppendUvarint(dst, 5, r.limit)
}

func (c *condition) append(dst []byte) []byte {
	dst = wire.AppendString(dst, 1, c.column)
	dst = wire.AppendUvarint(dst, 2, uint8(c.op))
	for i := range c.values {
		dst = table.AppendField(dst, 3, &c.values[i])
	}
	return dst
}

func decodeRequest(b []byte) (r request, err error) {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			r.partition = d.Uint16()
		case 2:
			r.table = d.RawString()
		case 3:
			r.columns = append(r.columns, d.RawString())
		case 4:
			c, err := decodeCondition(d.Bytes())
			d.Fail(err)
			r.conditions = append(r.conditions, c)
		case 5:
			r.limit = d.Uint64()
		}
	}
	return r, d.Err()
}

func decodeCondition(b []byte) (c condition, err error) {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			c.column = d.RawString()
		case 2:
			c.op = table.Op(d.Uint8())
		case 3:
			v, err := table.DecodeValue(d.Bytes(), nil)
			d.Fail(err)
			c.values = append(c.values, v)
		}
	}
	return c, d.Err()
}

// appendBatch appends rows, column by column: which are NULL, one byte each, and the values.
func appendBatch(dst []byte, b *table.Batch) []byte {
	dst = wire.AppendUvarint(dst, 1, uint32(b.Rows))
	for i := range b.Columns {
		var mark wire.Mark
		dst, mark = wire.Begin(dst, 2, 0)
		dst = wire.End(appendVector(dst, &b.Columns[i]), mark)
	}
	return dst
}

func appendVector(dst []byte, v *table.Vector) []byte {
	dst = wire.AppendUvarint(dst, 1, uint8(v.Type))
	nulls := make([]byte, len(v.Null))
	for i, null := range v.Null {
		if null {
			nulls[i] = 1
		}
	}
	dst = wire.AppendBytes(dst, 2, nulls)
	if len(v.Int) > 0 {
		var mark wire.Mark
		dst, mark = wire.Begin(dst, 3, 8*len(v.Int))
		for _, n := range v.Int {
			dst = binary.LittleEndian.AppendUint64(dst, uint64(n))
		}
		dst = wire.End(dst, mark)
	}
	for _, s := range v.Str {
		dst = wire.AppendPresentString(dst, 4, s)
	}
	for i := range v.Lists {
		dst = table.AppendField(dst, 5, &table.Value{Type: v.Type, List: v.Lists[i]})
	}
	for _, n := range v.Months {
		dst = wire.AppendPresentUvarint(dst, 6, uint32(n))
	}
	return dst
}

// decodeBatch reads rows into a batch made for the same columns.
func decodeBatch(b []byte, into *table.Batch) error {
	into.Reset()
	d := wire.NewDecoder(b)
	column := 0
	for d.Next() {
		switch d.Field() {
		case 1:
			into.Rows = int(d.Uint32())
		case 2:
			if column >= len(into.Columns) {
				return fmt.Errorf("a batch has more than %d columns", len(into.Columns))
			}
			d.Fail(decodeVector(d.Bytes(), &into.Columns[column]))
			column++
		}
	}
	if d.Err() != nil {
		return d.Err()
	}
	if column != len(into.Columns) {
		return fmt.Errorf("a batch has %d columns, want %d", column, len(into.Columns))
	}
	for i := range into.Columns {
		if err := whole(&into.Columns[i], into.Rows); err != nil {
			return fmt.Errorf("column %d: %w", i, err)
		}
	}
	return nil
}

func decodeVector(b []byte, into *table.Vector) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			if t := table.Type(d.Uint8()); t != into.Type {
				return fmt.Errorf("a column is of type %s, want %s", t, into.Type)
			}
		case 2:
			for _, null := range d.Bytes() {
				into.Null = append(into.Null, null != 0)
			}
		case 3:
			raw := d.Bytes()
			for ; len(raw) >= 8; raw = raw[8:] {
				into.Int = append(into.Int, int64(binary.LittleEndian.Uint64(raw)))
			}
		case 4:
			into.Str = append(into.Str, d.RawString())
		case 5:
			v, err := table.DecodeValue(d.Bytes(), nil)
			d.Fail(err)
			into.Lists = append(into.Lists, v.List)
		case 6:
			into.Months = append(into.Months, int32(d.Uint32()))
		}
	}
	return d.Err()
}

// whole reports what a column of so many rows lacks.
func whole(v *table.Vector, rows int) error {
	values := len(v.Int)
	switch {
	case v.Type&table.List != 0:
		values = len(v.Lists)
	case v.Type == table.String || v.Type == table.Binary:
		values = len(v.Str)
	case v.Type == table.Interval && len(v.Months) != rows:
		values = len(v.Months)
	}
	if len(v.Null) != rows || values != rows {
		return fmt.Errorf("it has %d values and %d marks for %d rows", values, len(v.Null), rows)
	}
	return nil
}

// Kinds of frames. A stream is any number of batches, or of pieces, and then one of the other two.
const (
	frameBatch  byte = 1
	frameEnd    byte = 2
	frameFailed byte = 3 // the text of an error
	framePiece  byte = 4
)

const (
	frameHead     = 9 // kind, length, checksum
	maxFrameBytes = 256 << 20
	// firstBytes is how much of a body there is room for before any of it has been read.
	firstBytes = 1 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendFrame appends kind, length, a checksum of both and the body, and the body.
func appendFrame(dst []byte, kind byte, body []byte) []byte {
	at := len(dst)
	dst = binary.LittleEndian.AppendUint32(append(dst, kind), uint32(len(body)))
	sum := crc32.Update(crc32.Checksum(dst[at:], castagnoli), castagnoli, body)
	dst = binary.LittleEndian.AppendUint32(dst, sum)
	return append(dst, body...)
}

// readFrame reads a frame, whose body it appends to an empty buffer. take hears by how much the buffer is
// to grow before it does; nil: nobody counts.
func readFrame(r *bufio.Reader, buffer []byte, take func(bytes int64)) (kind byte, body []byte, err error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, buffer, fmt.Errorf("read a frame: %w", io.ErrUnexpectedEOF)
	}
	n := binary.LittleEndian.Uint32(head[1:])
	if n > maxFrameBytes {
		return 0, buffer, fmt.Errorf("a frame of %d bytes is too long", n)
	}
	for body = buffer; len(body) < int(n); {
		// A length that is wrong makes no more room than twice what comes.
		if room := min(int(n), max(2*len(body), firstBytes)); room > cap(body) {
			if take != nil {
				take(int64(room - cap(body)))
			}
			body = append(make([]byte, 0, room), body...)
		}
		at := len(body)
		body = body[:min(int(n), cap(body))]
		if _, err := io.ReadFull(r, body[at:]); err != nil {
			return 0, body, fmt.Errorf("read a frame of %d bytes: %w", n, io.ErrUnexpectedEOF)
		}
	}
	sum := crc32.Update(crc32.Checksum(head[:5], castagnoli), castagnoli, body)
	if sum != binary.LittleEndian.Uint32(head[5:]) {
		return 0, body, fmt.Errorf("the checksum of a frame of %d bytes is wrong", n)
	}
	return head[0], body, nil
}
