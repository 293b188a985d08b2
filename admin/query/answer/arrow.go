package answer

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/perdure/perdure/admin/query"
	"github.com/perdure/perdure/admin/query/table"
)

const (
	maxBatchRows  = 1024
	maxBatchBytes = 1 << 20 // of strings
)

// arrowFormat writes an Arrow stream of record batches.
type arrowFormat struct {
	writer  *ipc.Writer
	builder *array.RecordBuilder
	types   []table.Type
	rows    int
	bytes   int
}

func newArrow(columns []query.Column, out *held) (*arrowFormat, error) {
	f := &arrowFormat{}
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		t, err := arrowType(c.Type)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Name, err)
		}
		fields[i] = arrow.Field{Name: c.Name, Type: t, Nullable: true}
		f.types = append(f.types, c.Type)
	}
	schema := arrow.NewSchema(fields, nil)
	f.writer = ipc.NewWriter(out, ipc.WithSchema(schema))
	f.builder = array.NewRecordBuilder(memory.DefaultAllocator, schema)
	return f, nil
}

func arrowType(t table.Type) (arrow.DataType, error) {
	if elem, ok := t.Elem(); ok {
		inner, err := arrowType(elem)
		if err != nil {
			return nil, err
		}
		return arrow.ListOf(inner), nil
	}
	switch t {
	case table.Null:
		return arrow.Null, nil
	case table.Bool:
		return arrow.FixedWidthTypes.Boolean, nil
	case table.Int64:
		return arrow.PrimitiveTypes.Int64, nil
	case table.Uint32:
		return arrow.PrimitiveTypes.Uint32, nil
	case table.Uint64:
		return arrow.PrimitiveTypes.Uint64, nil
	case table.Float64:
		return arrow.PrimitiveTypes.Float64, nil
	case table.String:
		return arrow.BinaryTypes.LargeString, nil
	case table.Binary:
		return arrow.BinaryTypes.LargeBinary, nil
	case table.Timestamp:
		return &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "+00:00"}, nil
	case table.Duration:
		return &arrow.DurationType{Unit: arrow.Millisecond}, nil
	case table.Interval:
		return arrow.FixedWidthTypes.MonthDayNanoInterval, nil
	case table.Date:
		return arrow.FixedWidthTypes.Date32, nil
	}
	return nil, fmt.Errorf("there is no Arrow type for %s", t)
}

func (f *arrowFormat) row(row []table.Value) error {
	for i := range row {
		f.bytes += len(row[i].Str)
		appendArrow(f.builder.Field(i), f.types[i], &row[i])
	}
	if f.rows++; f.rows < maxBatchRows && f.bytes < maxBatchBytes {
		return nil
	}
	return f.flush()
}

func (f *arrowFormat) flush() error {
	// A record without columns has rows, too.
	batch := f.builder.NewRecordBatch()
	defer batch.Release()
	f.rows, f.bytes = 0, 0
	if err := f.writer.Write(batch); err != nil {
		return fmt.Errorf("write a batch of rows: %w", err)
	}
	return nil
}

func (f *arrowFormat) end() error {
	defer f.builder.Release()
	if f.rows > 0 {
		if err := f.flush(); err != nil {
			return err
		}
	}
	return f.writer.Close() // which writes the schema if there were no rows
}

func appendArrow(to array.Builder, t table.Type, v *table.Value) {
	if v.Type == table.Null {
		to.AppendNull()
		return
	}
	switch b := to.(type) {
	case *array.BooleanBuilder:
		b.Append(v.Int != 0)
	case *array.Int64Builder:
		b.Append(v.Int)
	case *array.Uint32Builder:
		b.Append(uint32(v.Int))
	case *array.Uint64Builder:
		b.Append(uint64(v.Int))
	case *array.Float64Builder:
		b.Append(v.Float())
	case *array.LargeStringBuilder:
		b.Append(v.Str)
	case *array.BinaryBuilder:
		b.Append([]byte(v.Str))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(v.Int))
	case *array.DurationBuilder:
		b.Append(arrow.Duration(v.Int))
	case *array.Date32Builder:
		b.Append(arrow.Date32(v.Int))
	case *array.MonthDayNanoIntervalBuilder:
		b.Append(interval(v))
	case *array.ListBuilder:
		b.Append(true)
		elem, _ := t.Elem()
		for i := range v.List {
			appendArrow(b.ValueBuilder(), elem, &v.List[i])
		}
	default:
		to.AppendNull()
	}
}

const dayMillis = 24 * 60 * 60 * 1000

func interval(v *table.Value) arrow.MonthDayNanoInterval {
	return arrow.MonthDayNanoInterval{
		Months: v.Months, Days: int32(v.Int / dayMillis), Nanoseconds: v.Int % dayMillis * 1_000_000,
	}
}
