package pgwire

import (
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/pgwire/pgcatalog"
	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// codecs read values of PostgreSQL's types.
var codecs = struct {
	mu    sync.Mutex
	types *pgtype.Map // guarded by mu
}{types: pgtype.NewMap()}

// param reads the value of a parameter that has an OID and a format. Text is read by the engine, so
// that it may look as in a query; only lists have a form of their own.
func param(number int, oid uint32, format int16, raw []byte, want table.Type) (v table.Value, err error) {
	if raw == nil {
		return table.Value{}, nil
	}
	_, list := want.Elem()
	if format == textFormat && !list {
		v = table.Text(string(raw))
	} else if v, err = decode(oid, format, raw); err != nil {
		return v, sql.Errorf("22P03", -1, "the value of parameter $%d cannot be read: %v", number, err)
	}
	return cast(number, v, want)
}

// cast makes the value of a parameter be of the type that the statement wants.
func cast(number int, v table.Value, want table.Type) (out table.Value, err error) {
	if want == table.Null {
		want = table.String
	}
	if want == table.Binary && v.Type == table.String {
		return bytesOf(number, v.Str)
	}
	defer func() {
		if r := recover(); r != nil {
			bad, ok := r.(*sql.Error)
			if !ok {
				panic(r)
			}
			err = sql.Errorf("22P02", -1, "parameter $%d: %s", number, bad.Message)
		}
	}()
	c, ok := expr.Cast(expr.Constant(v, ""), want, false)
	if !ok {
		return out, sql.Errorf(sql.StateType, -1, "parameter $%d is of type %s, and %s is wanted", number,
			v.Type, want)
	}
	return c.Fold().Value, nil
}

// bytesOf reads bytea as text: \x and hexadecimal digits, or the bytes as they are.
func bytesOf(number int, s string) (table.Value, error) {
	codecs.mu.Lock()
	defer codecs.mu.Unlock()
	var b []byte
	if err := codecs.types.Scan(pgtype.ByteaOID, textFormat, []byte(s), &b); err != nil {
		return table.Value{}, sql.Errorf("22P02", -1, "parameter $%d is not a bytea: %v", number, err)
	}
	return table.Value{Type: table.Binary, Str: string(b)}, nil
}

func decode(oid uint32, format int16, raw []byte) (table.Value, error) {
	codecs.mu.Lock()
	defer codecs.mu.Unlock()
	t, ok := codecs.types.TypeForOID(oid)
	if !ok {
		return table.Value{}, fmt.Errorf("values of the type with OID %d are not supported", oid)
	}
	if format != textFormat && format != binaryFormat {
		return table.Value{}, fmt.Errorf("there is no format %d", format)
	}
	x, err := t.Codec.DecodeValue(codecs.types, oid, format, raw)
	if err != nil {
		return table.Value{}, err
	}
	v, err := valueOf(x)
	if elem, list := pgcatalog.Type(oid).Elem(); err == nil && list && len(v.List) == 0 {
		v.Type = table.List | elem
	}
	return v, err
}

// valueOf makes a value of what a codec gives.
func valueOf(x any) (v table.Value, err error) {
	switch x := x.(type) {
	case nil:
	case bool:
		v = table.Truth(x)
	case int16:
		v = table.Integer(int64(x))
	case int32:
		v = table.Integer(int64(x))
	case int64:
		v = table.Integer(x)
	case uint32:
		v = table.Integer(int64(x))
	case float32:
		v = table.Real(float64(x))
	case float64:
		v = table.Real(x)
	case string:
		v = table.Text(x)
	case []byte:
		v = table.Value{Type: table.Binary, Str: string(x)}
	case [16]byte:
		v = table.Text(fmt.Sprintf("%x-%x-%x-%x-%x", x[:4], x[4:6], x[6:8], x[8:10], x[10:]))
	case time.Time:
		v = table.Value{Type: table.Timestamp, Int: x.UnixMilli()}
	case pgtype.Interval:
		v = table.Value{Type: table.Interval, Months: x.Months,
			Int: int64(x.Days)*dayMillis + x.Microseconds/1000}
	case pgtype.Numeric:
		return numericOf(x)
	case []any:
		return listOf(x)
	default:
		return v, fmt.Errorf("its type is not supported (%T)", x)
	}
	return v, nil
}

func numericOf(x pgtype.Numeric) (v table.Value, err error) {
	if x.Int != nil && !x.NaN && x.InfinityModifier == pgtype.Finite && x.Exp >= 0 && x.Exp <= 20 {
		n := new(big.Int).Mul(x.Int, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(x.Exp)), nil))
		switch {
		case n.IsInt64():
			return table.Integer(n.Int64()), nil
		case n.IsUint64():
			return table.Value{Type: table.Uint64, Int: int64(n.Uint64())}, nil
		}
	}
	f, err := x.Float64Value()
	if err != nil || !f.Valid {
		return v, errors.Join(errors.New("the number is too large"), err)
	}
	return table.Real(f.Float64), nil
}

func listOf(list []any) (v table.Value, err error) {
	elem := table.Null
	for _, x := range list {
		e, err := valueOf(x)
		if err != nil {
			return v, err
		}
		v.List = append(v.List, e)
		if e.Type != table.Null {
			elem = e.Type
		}
	}
	v.Type = table.List | elem
	return v, nil
}
