package expr

import (
	"encoding/binary"

	"github.com/perdure/perdure/admin/query/table"
)

// AppendIdentity appends bytes that are equal for expressions that are the same, and were made of the
// same text, on nodes of one release. ok is false if another node cannot compute the expression: it has
// a query in it, or something that changes, or is not known elsewhere.
func (e *Expr) AppendIdentity(b []byte) (_ []byte, ok bool) {
	if e.Op == Outer || e.Op == SubQuery || e.Sub != nil || e.Volatile || e.Foreign {
		return b, false
	}
	b = append(b, byte(e.Op), byte(e.Type))
	b = binary.AppendUvarint(b, uint64(e.Index))
	b = appendText(appendText(b, e.Text), e.Operator)
	b = table.AppendField(b, 1, &e.Value)
	b = appendFlag(b, e.Set != nil)
	if e.Set != nil {
		b = appendFlag(b, e.Set.unknown)
		b = binary.AppendUvarint(b, uint64(len(e.Set.Values)))
		for i := range e.Set.Values {
			b = table.AppendField(b, 1, &e.Set.Values[i])
		}
	}
	b = binary.AppendUvarint(b, uint64(len(e.Args)))
	for _, a := range e.Args {
		if b, ok = a.AppendIdentity(b); !ok {
			return b, false
		}
	}
	return b, true
}

// AppendIdentity is that of an aggregate; see Expr.
func (a *Aggregate) AppendIdentity(b []byte) (_ []byte, ok bool) {
	if a.Distinct && len(a.Args)+len(a.OrderBy) == 0 {
		return b, false // the row that it has seen, if any, cannot be told
	}
	b = appendText(appendText(b, a.Name), a.Text)
	b = appendFlag(append(b, byte(a.Type)), a.Distinct)
	b = binary.AppendUvarint(b, uint64(len(a.Args)))
	for _, e := range a.Args {
		if b, ok = e.AppendIdentity(b); !ok {
			return b, false
		}
	}
	if b = appendFlag(b, a.Filter != nil); a.Filter != nil {
		if b, ok = a.Filter.AppendIdentity(b); !ok {
			return b, false
		}
	}
	return AppendKeysIdentity(b, a.OrderBy)
}

// AppendKeysIdentity is that of an order; see Expr.
func AppendKeysIdentity(b []byte, keys []SortKey) (_ []byte, ok bool) {
	b = binary.AppendUvarint(b, uint64(len(keys)))
	for i := range keys {
		b = appendFlag(appendFlag(b, keys[i].Desc), keys[i].NullsFirst)
		if b, ok = keys[i].Expr.AppendIdentity(b); !ok {
			return b, false
		}
	}
	return b, true
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendFlag(b []byte, yes bool) []byte {
	if yes {
		return append(b, 1)
	}
	return append(b, 0)
}
