package source

import (
	"slices"
	"strings"

	"github.com/perdure/perdure/admin/query/table"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
)

// wanted returns the values of the first condition that a column be one of some.
func wanted(t *table.Table, q *table.Scan, column string) (values []table.Value, ok bool) {
	at := t.Column(column)
	for i := range q.Conditions {
		if c := &q.Conditions[i]; c.Column == at && c.Op == table.In {
			return c.Values, true
		}
	}
	return nil, false
}

// byInvocation finds the partitions of the invocations that a scan names by their ID, their target or
// the keys; nil if it names none.
func byInvocation(s *Source, t *table.Table, q *table.Scan) []uint16 {
	if ids, ok := wanted(t, q, "id"); ok {
		var keys []protocol.PartitionKey
		for _, v := range ids {
			if id, err := protocol.ParseInvocationID(v.Str); err == nil {
				keys = append(keys, id.Key)
			}
		}
		return s.of(keys)
	}
	if keys, ok := invocationKeys(t, q); ok {
		return s.of(keys)
	}
	return nil
}

// invocationKeys are the partition keys of the invocations that a scan names by something other than
// their ID; ok is false if it names none that way. As with objects, none that is called by a key has a
// scope.
func invocationKeys(t *table.Table, q *table.Scan) (keys []protocol.PartitionKey, ok bool) {
	if t.Column("target_service_key") >= 0 {
		if values, ok := wanted(t, q, "target_service_key"); ok {
			for _, v := range values {
				keys = append(keys, protocol.HashKey(v.Str))
			}
			return keys, true
		}
		if values, ok := wanted(t, q, "target"); ok {
			if keys, ok := targetKeys(values); ok {
				return keys, true
			}
		}
	}
	return namedKeys(t, q)
}

// targetKeys are the partition keys of targets as they are shown, service/key/handler; ok is false if
// there are some without a key, whose calls are anywhere.
func targetKeys(targets []table.Value) (keys []protocol.PartitionKey, ok bool) {
	for _, v := range targets {
		_, rest, _ := strings.Cut(v.Str, "/")
		end := strings.LastIndexByte(rest, '/')
		if end < 0 {
			return nil, false
		}
		keys = append(keys, protocol.HashKey(rest[:end]))
	}
	return keys, true
}

// byKey finds the partitions of the partition keys that a scan names; nil if it names none.
func byKey(s *Source, t *table.Table, q *table.Scan) []uint16 {
	if keys, ok := namedKeys(t, q); ok {
		return s.of(keys)
	}
	return nil
}

// namedKeys are the partition keys that a scan names; ok is false if it names none.
func namedKeys(t *table.Table, q *table.Scan) (keys []protocol.PartitionKey, ok bool) {
	if t.Column("partition_key") < 0 {
		return nil, false
	}
	values, ok := wanted(t, q, "partition_key")
	for _, v := range values {
		keys = append(keys, protocol.PartitionKey(v.Int))
	}
	return keys, ok
}

// byObject finds the partitions of the objects that a scan names by their key; nil if it names none.
// None of them has a scope: scoped objects cannot be called.
func byObject(s *Source, t *table.Table, q *table.Scan) []uint16 {
	values, ok := wanted(t, q, "service_key")
	if !ok {
		return byKey(s, t, q)
	}
	var keys []protocol.PartitionKey
	for _, v := range values {
		keys = append(keys, protocol.HashKey(v.Str))
	}
	return s.of(keys)
}

// of are the partitions of some keys, each once, in order; not nil.
func (s *Source) of(keys []protocol.PartitionKey) []uint16 {
	list := []uint16{}
	for _, k := range keys {
		list = append(list, uint16(s.cfg.Partitions.PartitionOf(k)))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// namedInvocations are the invocations of this partition that a scan names; ok is false if it wants
// others too.
func namedInvocations(o *opening) (ids []protocol.InvocationID, ok bool) {
	values, ok := wanted(o.scan.Table, o.scan, "id")
	if !ok {
		return nil, false
	}
	for _, v := range values {
		id, err := protocol.ParseInvocationID(v.Str)
		if err == nil && id.String() == v.Str && o.view.Keys.Contains(id.Key) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b protocol.InvocationID) int {
		return slices.Compare(a.AppendRaw(nil), b.AppendRaw(nil))
	})
	return slices.Compact(ids), true
}

// ofInvocations reads the rows of each invocation that a scan names, or of all of the partition.
func ofInvocations[T any](o *opening, read func(store.Span) (rows[T], error)) (rows[T], error) {
	ids, ok := namedInvocations(o)
	if !ok {
		return read(store.SpanKeys(o.view.Keys))
	}
	var spans []store.Span
	for _, id := range ids {
		spans = append(spans, store.SpanInvocation(id))
	}
	return &chained[T]{spans: spans, read: read}, nil
}

// ofObjects reads the rows of each object that a scan names by service and key, or of all.
func ofObjects[T any](o *opening, read func(store.Span) (rows[T], error)) (rows[T], error) {
	services, named := wanted(o.scan.Table, o.scan, "service_name")
	keys, keyed := wanted(o.scan.Table, o.scan, "service_key")
	if !named || !keyed {
		return read(store.SpanKeys(o.view.Keys))
	}
	var objects []store.Object
	for _, s := range services {
		for _, k := range keys {
			if x := (store.Object{Service: s.Str, Key: k.Str}); o.view.Keys.Contains(x.PartitionKey()) {
				objects = append(objects, x)
			}
		}
	}
	slices.SortFunc(objects, func(a, b store.Object) int {
		return order(a.Service+"\x00"+a.Key, b.Service+"\x00"+b.Key)
	})
	var spans []store.Span
	for _, x := range slices.Compact(objects) {
		spans = append(spans, store.SpanObject(x))
	}
	return &chained[T]{spans: spans, read: read}, nil
}

// chained reads one span after the other.
type chained[T any] struct {
	spans []store.Span
	read  func(store.Span) (rows[T], error)
	now   rows[T]
}

func (c *chained[T]) Next(row *T) (bool, error) {
	for {
		if c.now == nil {
			if len(c.spans) == 0 {
				return false, nil
			}
			now, err := c.read(c.spans[0])
			if err != nil {
				return false, err
			}
			c.now, c.spans = now, c.spans[1:]
		}
		ok, err := c.now.Next(row)
		if ok || err != nil {
			return ok, err
		}
		if err := c.Close(); err != nil {
			return false, err
		}
	}
}

func (c *chained[T]) Close() error {
	if c.now == nil {
		return nil
	}
	err := c.now.Close()
	c.now = nil
	return err
}
