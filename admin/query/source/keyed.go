package source

import (
	"github.com/perdure/perdure/admin/query/table"
	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
)

// objectColumns are the first ones of tables about objects.
func objectColumns[T any](of func(*T) *store.Object, scope bool) []column[T] {
	list := []column[T]{{"partition_key", table.Uint64, 0, func(v *table.Vector, r *T) {
		putKey(v, of(r).PartitionKey())
	}}}
	if scope {
		list = append(list, column[T]{"scope", text, 0, func(v *table.Vector, r *T) {
			putText(v, of(r).Scope)
		}})
	}
	return append(list,
		column[T]{"service_name", text, 0, func(v *table.Vector, r *T) { v.AppendString(of(r).Service) }},
		column[T]{"service_key", text, 0, func(v *table.Vector, r *T) { v.AppendString(of(r).Key) }})
}

func stateTable() relation {
	type row = store.ObjectState
	columns := append(objectColumns(func(r *row) *store.Object { return &r.Object }, true),
		column[row]{"key", text, 0, func(v *table.Vector, r *row) { v.AppendString(string(r.Key)) }},
		column[row]{"key_length", table.Uint64, 0, func(v *table.Vector, r *row) {
			v.AppendInt(int64(len(r.Key)))
		}},
		column[row]{"value_utf8", text, 0, func(v *table.Vector, r *row) { putUTF8(v, r.Value.Inline) }},
		column[row]{"value", table.Binary, 0, func(v *table.Vector, r *row) {
			v.AppendString(string(r.Value.Inline))
		}},
		column[row]{"value_length", table.Uint64, 0, func(v *table.Vector, r *row) {
			v.AppendInt(int64(r.Value.Len()))
		}})
	return newPartitioned("state", columns, byObject, func(o *opening) (rows[row], error) {
		return ofObjects(o, func(s store.Span) (rows[row], error) { return o.view.Rows.StateRows(s) })
	})
}

func promiseTable() relation {
	type row = store.NamedPromise
	columns := append(objectColumns(func(r *row) *store.Object { return &r.Object }, true),
		column[row]{"key", text, 0, func(v *table.Vector, r *row) { v.AppendString(r.Name) }},
		column[row]{"completed", table.Bool, 0, func(v *table.Vector, r *row) {
			v.AppendBool(r.Result != nil)
		}},
		column[row]{"completion_success_value", table.Binary, 0, func(v *table.Vector, r *row) {
			if r.Result == nil || r.Result.Failure != nil {
				v.AppendNull()
				return
			}
			v.AppendString(string(r.Result.Value.Inline))
		}},
		column[row]{"completion_success_value_utf8", text, 0, func(v *table.Vector, r *row) {
			if r.Result == nil || r.Result.Failure != nil {
				v.AppendNull()
				return
			}
			putUTF8(v, r.Result.Value.Inline)
		}},
		column[row]{"completion_failure", text, 0, func(v *table.Vector, r *row) {
			if r.Result == nil || r.Result.Failure == nil {
				v.AppendNull()
				return
			}
			v.AppendString(codedText(r.Result.Failure))
		}})
	return newPartitioned("sys_promise", columns, byObject, func(o *opening) (rows[row], error) {
		return ofObjects(o, func(s store.Span) (rows[row], error) { return o.view.Rows.PromiseRows(s) })
	})
}

// queued is a call in an inbox, with the status that tells since when.
type queued struct {
	store.Queued
	created store.Status
}

// inbox reads the calls of inboxes; changes of state from outside, which wait there too, are none.
type inbox struct {
	from rows[store.Queued]
	rows store.Reader
}

func (i *inbox) Next(r *queued) (bool, error) {
	for {
		ok, err := i.from.Next(&r.Queued)
		if !ok || err != nil {
			return false, err
		}
		if r.Mutation != nil {
			continue
		}
		r.created, _, err = i.rows.GetStatus(r.Invocation)
		return err == nil, err
	}
}

func (i *inbox) Close() error { return i.from.Close() }

func inboxTable() relation {
	columns := append(objectColumns(func(r *queued) *store.Object { return &r.Object }, false),
		column[queued]{"id", text, 0, func(v *table.Vector, r *queued) { putID(v, r.Invocation) }},
		column[queued]{"sequence_number", table.Uint64, 0, func(v *table.Vector, r *queued) {
			v.AppendInt(int64(r.Sequence))
		}},
		column[queued]{"created_at", table.Timestamp, 0, func(v *table.Vector, r *queued) {
			putMillis(v, r.created.CreatedAt)
		}})
	return newPartitioned("sys_inbox", columns, byObject, func(o *opening) (rows[queued], error) {
		from, err := ofObjects(o, func(s store.Span) (rows[store.Queued], error) {
			return o.view.Rows.InboxRows(s)
		})
		return &inbox{from: from, rows: o.view.Rows.Reader}, err
	})
}

func lockTable() relation {
	type row = store.HeldLock
	columns := append(objectColumns(func(r *row) *store.Object { return &r.Object }, false),
		column[row]{"invocation_id", text, 0, func(v *table.Vector, r *row) { putID(v, r.Lock.Holder) }})
	return newPartitioned("sys_keyed_service_status", columns, byObject,
		func(o *opening) (rows[row], error) {
			from, err := ofObjects(o, func(s store.Span) (rows[row], error) {
				return o.view.Rows.LockRows(s)
			})
			return &objectLocks{from, o.source.cfg.Schema.Current()}, err
		})
}

// objectLocks are the locks of virtual objects: that of a workflow's key is how its only run is kept.
type objectLocks struct {
	from   rows[store.HeldLock]
	schema *schema.Schema
}

func (l *objectLocks) Next(r *store.HeldLock) (bool, error) {
	for {
		ok, err := l.from.Next(r)
		if !ok || err != nil {
			return false, err
		}
		if s, ok := l.schema.Service(r.Object.Service); !ok || s.Kind != protocol.KindWorkflow {
			return true, nil
		}
	}
}

func (l *objectLocks) Close() error { return l.from.Close() }
