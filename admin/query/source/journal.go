package source

import (
	"github.com/perdure/perdure/admin/query/table"
	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol/command"
)

// journalVersion is what tools take for journals of service protocol 4 and later.
const journalVersion = 2

// journalRow is one entry, with what is registered while it is shown.
type journalRow struct {
	store.JournalRow
	schema *schema.Schema
}

type journalRows struct {
	from   rows[store.JournalRow]
	schema *schema.Schema
}

func (j *journalRows) Next(r *journalRow) (bool, error) {
	r.schema = j.schema
	return j.from.Next(&r.JournalRow)
}

func (j *journalRows) Close() error { return j.from.Close() }

// never are columns that only journals of older servers fill.
func never[T any](name string, typ table.Type) column[T] {
	return column[T]{name, typ, 0, func(v *table.Vector, _ *T) { v.AppendNull() }}
}

func journalTable() relation {
	type row = journalRow
	shown := func(name string, lite bool) column[row] {
		return column[row]{name, text, 0, func(v *table.Vector, r *row) {
			s, err := entries{schema: r.schema, lite: lite}.show(&r.Entry)
			if err != nil { // it was readable when it was stored: leave it to the raw bytes
				v.AppendNull()
				return
			}
			v.AppendString(s)
		}}
	}
	columns := []column[row]{
		{"partition_key", table.Uint64, 0, func(v *table.Vector, r *row) { putKey(v, r.ID.Key) }},
		{"id", text, 0, func(v *table.Vector, r *row) { v.AppendString(r.ID.String()) }},
		{"index", table.Uint32, 0, func(v *table.Vector, r *row) { v.AppendInt(int64(r.Index)) }},
		{"entry_type", text, 0, func(v *table.Vector, r *row) { v.AppendString(r.Entry.Type.String()) }},
		{"name", text, 0, func(v *table.Vector, r *row) {
			name, ok := entries{schema: r.schema}.name(&r.Entry)
			if !ok {
				v.AppendNull()
				return
			}
			v.AppendString(name)
		}},
		never[row]("completed", table.Bool),
		never[row]("invoked_id", text),
		never[row]("invoked_target", text),
		never[row]("sleep_wakeup_at", table.Timestamp),
		never[row]("promise_name", text),
		{"raw", table.Binary, 0, func(v *table.Vector, r *row) {
			v.AppendString(string(r.Entry.Body.Inline))
		}},
		{"raw_length", table.Uint64, 0, func(v *table.Vector, r *row) {
			v.AppendInt(int64(r.Entry.Body.Len()))
		}},
		{"version", table.Uint32, 0, func(v *table.Vector, _ *row) { v.AppendInt(journalVersion) }},
		shown("entry_json", false),
		shown("entry_lite_json", true),
		{"appended_at", table.Timestamp, 0, func(v *table.Vector, r *row) { putMillis(v, r.Entry.Time) }},
	}
	return newPartitioned("sys_journal", columns, byInvocation, func(o *opening) (rows[row], error) {
		from, err := ofInvocations(o, func(s store.Span) (rows[store.JournalRow], error) {
			return o.view.Rows.JournalRows(s)
		})
		return &journalRows{from: from, schema: o.source.cfg.Schema.Current()}, err
	})
}

func eventTable() relation {
	type row = store.InvocationEvent
	columns := []column[row]{
		{"partition_key", table.Uint64, 0, func(v *table.Vector, r *row) { putKey(v, r.ID.Key) }},
		{"id", text, 0, func(v *table.Vector, r *row) { v.AppendString(r.ID.String()) }},
		{"after_journal_entry_index", table.Uint32, 0, func(v *table.Vector, r *row) {
			v.AppendInt(max(int64(r.After)-1, 0))
		}},
		{"appended_at", table.Timestamp, 0, func(v *table.Vector, r *row) { putMillis(v, r.Time) }},
		{"event_type", text, 0, func(v *table.Vector, r *row) { v.AppendString(r.Kind.String()) }},
		{"event_json", text, 0, func(v *table.Vector, r *row) { v.AppendString(eventJSON(&r.Event)) }},
	}
	return newPartitioned("sys_journal_events", columns, byInvocation,
		func(o *opening) (rows[row], error) {
			return ofInvocations(o, func(s store.Span) (rows[row], error) {
				return o.view.Rows.EventRows(s)
			})
		})
}

func eventJSON(e *store.Event) string {
	o := object{{"ty", e.Kind.String()}}
	switch {
	case e.Error == nil:
	case e.Kind == store.EventPaused:
		o = append(o, member{"last_failure", attemptErrorValue(e.Error)})
	default:
		o = append(o, attemptErrorValue(e.Error)...)
	}
	b, err := encodeJSON(o)
	if err != nil {
		return "{}" // strings and numbers cannot fail
	}
	return string(b)
}

func attemptErrorValue(e *command.AttemptError) object {
	o := object{{"error_code", e.Failure.Code}, {"error_message", e.Failure.Message}}
	if e.Stacktrace != "" {
		o = append(o, member{"error_stacktrace", e.Stacktrace})
	}
	if e.DocCode != "" {
		o = append(o, member{"restate_doc_error_code", e.DocCode})
	}
	if c := e.RelatedCommand; c != nil {
		o = append(o, member{"related_command_index", c.Index})
		if c.Name != "" {
			o = append(o, member{"related_command_name", c.Name})
		}
		if c.Type != 0 {
			o = append(o, member{"related_command_type", commandName(c.Type)})
		}
	}
	return o
}
