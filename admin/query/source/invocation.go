package source

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/perdure/perdure/admin/query/table"
	"github.com/perdure/perdure/partition/explain"
	"github.com/perdure/perdure/partition/leader"
	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// invocation is a row of the tables about invocations.
type invocation struct {
	st      store.Status
	live    explain.Attempt // of those that are invoked
	hasLive bool
	source  *Source
}

const (
	needsLive = store.StatusState // whether there is an attempt depends on it
	text      = table.String
)

// statusColumns are those of durable rows, in the order of sys_invocation_status.
func statusColumns() []column[invocation] {
	return []column[invocation]{
		{"partition_key", table.Uint64, 0, func(v *table.Vector, r *invocation) {
			putKey(v, r.st.ID.Key)
		}},
		{"id", text, 0, func(v *table.Vector, r *invocation) { v.AppendString(r.st.ID.String()) }},
		{"vqueue_id", text, 0, func(v *table.Vector, _ *invocation) { v.AppendNull() }},
		{"status", text, store.StatusState, func(v *table.Vector, r *invocation) {
			v.AppendString(r.st.State.String())
		}},
		{"completion_result", text, store.StatusState | store.StatusResult, putOutcome},
		{"completion_failure", text, store.StatusState | store.StatusResult, putFailure},
		target("target", func(t *protocol.Target) string { return t.String() }),
		target("target_service_name", func(t *protocol.Target) string { return t.Service }),
		{"target_service_key", text, store.StatusTarget, func(v *table.Vector, r *invocation) {
			if !r.st.Target.Keyed() {
				v.AppendNull()
				return
			}
			v.AppendString(r.st.Target.Key)
		}},
		target("target_handler_name", func(t *protocol.Target) string { return t.Handler }),
		target("target_service_ty", func(t *protocol.Target) string { return t.Kind.String() }),
		target("scope", func(t *protocol.Target) string { return t.Scope }),
		{"limit_key", text, store.StatusLimitKey, func(v *table.Vector, r *invocation) {
			putText(v, r.st.LimitKey)
		}},
		{"idempotency_key", text, store.StatusIdempotencyKey, func(v *table.Vector, r *invocation) {
			if r.st.IdempotencyKey == nil {
				v.AppendNull()
				return
			}
			v.AppendString(*r.st.IdempotencyKey)
		}},
		origin("invoked_by", func(s *command.Source) string { return sourceName(s.Kind) }),
		origin("invoked_by_id", func(s *command.Source) string {
			if s.Kind != command.SourceInvocation {
				return ""
			}
			return s.Invocation.String()
		}),
		origin("invoked_by_subscription_id", func(s *command.Source) string { return s.Subscription }),
		origin("invoked_by_service_name", func(s *command.Source) string { return s.Target.Service }),
		origin("invoked_by_target", func(s *command.Source) string {
			if s.Kind != command.SourceInvocation {
				return ""
			}
			return s.Target.String()
		}),
		{"restarted_from", text, store.StatusRestartedFrom, func(v *table.Vector, r *invocation) {
			putID(v, r.st.RestartedFrom)
		}},
		{"pinned_deployment_id", text, store.StatusDeployment, func(v *table.Vector, r *invocation) {
			putDeployment(v, r.st.Deployment)
		}},
		{"pinned_service_protocol_version", table.Uint32, store.StatusDeployment | store.StatusCounters,
			func(v *table.Vector, r *invocation) {
				if r.st.Deployment.IsZero() {
					v.AppendNull()
					return
				}
				v.AppendInt(int64(r.st.ProtocolVersion))
			}},
		{"trace_id", text, store.StatusTrace, func(v *table.Vector, r *invocation) {
			if r.st.Trace.IsZero() {
				v.AppendNull()
				return
			}
			v.AppendString(hex.EncodeToString(r.st.Trace.TraceID[:]))
		}},
		count("journal_size", func(s *store.Status) uint32 { return s.EntryCount }),
		count("journal_commands_size", func(s *store.Status) uint32 { return s.CommandCount }),
		at("created_at", store.StatusCreatedAt, func(s *store.Status) protocol.Millis { return s.CreatedAt }),
		{"created_using_restate_version", text, 0, func(v *table.Vector, r *invocation) {
			v.AppendString(r.source.cfg.Version)
		}},
		at("modified_at", store.StatusModifiedAt, func(s *store.Status) protocol.Millis { return s.ModifiedAt }),
		at("inboxed_at", store.StatusTimes, func(s *store.Status) protocol.Millis { return s.InboxedAt }),
		at("scheduled_at", store.StatusTimes, func(s *store.Status) protocol.Millis { return s.ScheduledAt }),
		at("scheduled_start_at", store.StatusTimes, func(s *store.Status) protocol.Millis { return s.ExecutionTime }),
		at("running_at", store.StatusTimes, func(s *store.Status) protocol.Millis { return s.RunningAt }),
		at("completed_at", store.StatusTimes, func(s *store.Status) protocol.Millis { return s.CompletedAt }),
		{"completion_retention", table.Duration, store.StatusRetentions,
			func(v *table.Vector, r *invocation) { putDuration(v, r.st.CompletionRetention) }},
		{"journal_retention", table.Duration, store.StatusRetentions,
			func(v *table.Vector, r *invocation) { putDuration(v, r.st.JournalRetention) }},
		awaited("suspended_waiting_for_completions", func(f *journal.Future) []uint32 {
			return leaves(f, journal.IDCompletion)
		}),
		awaited("suspended_waiting_for_signals", func(f *journal.Future) []uint32 {
			return leaves(f, journal.IDSignal)
		}),
		{"suspended_waiting_future_json", text,
			store.StatusState | store.StatusAwaiting | store.StatusCounters,
			func(v *table.Vector, r *invocation) {
				if r.st.State != store.Suspended {
					v.AppendNull()
					return
				}
				v.AppendString(futureJSON(&r.st.Awaiting, r.st.ProtocolVersion))
			}},
	}
}

// liveColumns are those of attempts, in the order of sys_invocation.
func liveColumns() []column[invocation] {
	related := func(name string, typ table.Type, put func(*table.Vector, *command.RelatedCommand),
	) column[invocation] {
		return live(name, typ, func(v *table.Vector, a *explain.Attempt) {
			if a.LastError == nil || a.LastError.RelatedCommand == nil {
				v.AppendNull()
				return
			}
			put(v, a.LastError.RelatedCommand)
		})
	}
	index := func(v *table.Vector, c *command.RelatedCommand) { v.AppendInt(int64(c.Index)) }
	name := func(v *table.Vector, c *command.RelatedCommand) { putText(v, c.Name) }
	kind := func(v *table.Vector, c *command.RelatedCommand) { putText(v, commandName(c.Type)) }
	return []column[invocation]{
		// Attempts since the handler last got further, the one that runs among them.
		live("retry_count", table.Uint64, func(v *table.Vector, a *explain.Attempt) {
			n := int64(a.RetryCount)
			if a.InFlight {
				n++
			}
			v.AppendInt(n)
		}),
		live("last_start_at", table.Timestamp, func(v *table.Vector, a *explain.Attempt) {
			putTime(v, a.StartedAt)
		}),
		live("next_retry_at", table.Timestamp, func(v *table.Vector, a *explain.Attempt) {
			putTime(v, a.NextRetry)
		}),
		live("last_attempt_deployment_id", text, func(v *table.Vector, a *explain.Attempt) {
			putDeployment(v, a.Deployment)
		}),
		live("last_attempt_server", text, func(v *table.Vector, a *explain.Attempt) {
			putText(v, a.Server)
		}),
		live("last_failure", text, func(v *table.Vector, a *explain.Attempt) {
			if a.LastError == nil {
				v.AppendNull()
				return
			}
			v.AppendString(attemptErrorText(a.LastError))
		}),
		live("last_failure_error_code", text, func(v *table.Vector, a *explain.Attempt) {
			if a.LastError == nil {
				v.AppendNull()
				return
			}
			putText(v, a.LastError.DocCode)
		}),
		related("last_failure_related_entry_index", table.Uint64, index),
		related("last_failure_related_entry_name", text, name),
		related("last_failure_related_entry_type", text, kind),
		related("last_failure_related_command_index", table.Uint64, index),
		related("last_failure_related_command_name", text, name),
		related("last_failure_related_command_type", text, kind),
		// Only services that tell combinators say what they wait for while they run.
		live("last_awaiting_on_future_json", text, func(v *table.Vector, a *explain.Attempt) {
			if a.Awaiting == nil || a.Awaiting.IsEmpty() {
				v.AppendNull()
				return
			}
			v.AppendString(futureJSON(a.Awaiting, combinatorsSince))
		}),
	}
}

func target(name string, of func(*protocol.Target) string) column[invocation] {
	return column[invocation]{name, text, store.StatusTarget, func(v *table.Vector, r *invocation) {
		putText(v, of(&r.st.Target))
	}}
}

func origin(name string, of func(*command.Source) string) column[invocation] {
	return column[invocation]{name, text, store.StatusSource, func(v *table.Vector, r *invocation) {
		putText(v, of(&r.st.Source))
	}}
}

// count is a column about the journal, which begins when the invocation starts.
func count(name string, of func(*store.Status) uint32) column[invocation] {
	return column[invocation]{name, table.Uint32, store.StatusState | store.StatusCounters,
		func(v *table.Vector, r *invocation) {
			if r.st.State == store.Scheduled || r.st.State == store.Inboxed {
				v.AppendNull()
				return
			}
			v.AppendInt(int64(of(&r.st)))
		}}
}

func at(name string, needs store.StatusFields, of func(*store.Status) protocol.Millis) column[invocation] {
	return column[invocation]{name, table.Timestamp, needs,
		func(v *table.Vector, r *invocation) { putMillis(v, of(&r.st)) }}
}

func awaited(name string, of func(*journal.Future) []uint32) column[invocation] {
	return column[invocation]{name, table.ListUint32, store.StatusState | store.StatusAwaiting,
		func(v *table.Vector, r *invocation) {
			if r.st.State != store.Suspended {
				v.AppendNull()
				return
			}
			list := []table.Value{}
			for _, n := range of(&r.st.Awaiting) {
				list = append(list, table.Value{Type: table.Uint32, Int: int64(n)})
			}
			v.Append(table.Value{Type: table.ListUint32, List: list})
		}}
}

func live(name string, typ table.Type, put func(*table.Vector, *explain.Attempt),
) column[invocation] {
	return column[invocation]{name, typ, needsLive, func(v *table.Vector, r *invocation) {
		if !r.hasLive {
			v.AppendNull()
			return
		}
		put(v, &r.live)
	}}
}

func putOutcome(v *table.Vector, r *invocation) {
	switch {
	case r.st.State != store.Completed:
		v.AppendNull()
	case r.st.Result != nil && r.st.Result.Failure != nil:
		v.AppendString("failure")
	default: // a large result stands in the journal, and is none that failed
		v.AppendString("success")
	}
}

func putFailure(v *table.Vector, r *invocation) {
	if r.st.State != store.Completed || r.st.Result == nil || r.st.Result.Failure == nil {
		v.AppendNull()
		return
	}
	v.AppendString(failureText(r.st.Result.Failure))
}

func putDeployment(v *table.Vector, d protocol.DeploymentID) {
	if d.IsZero() {
		v.AppendNull()
		return
	}
	v.AppendString(d.String())
}

func sourceName(k command.SourceKind) string {
	switch k {
	case command.SourceIngress:
		return "ingress"
	case command.SourceInvocation:
		return "service"
	case command.SourceSubscription:
		return "subscription"
	case command.SourceRestart:
		return "restart_as_new"
	}
	return "unknown"
}

// commandName is how the type of a command is called: without what it is.
func commandName(t journal.Type) string { return strings.TrimPrefix(t.String(), "Command: ") }

// attemptErrorText is how the failure of an attempt is shown.
func attemptErrorText(e *command.AttemptError) string {
	s := codedText(&e.Failure)
	if e.Stacktrace != "" {
		s += "\n" + e.Stacktrace
	}
	return s
}

// codedText names the code of a failure and says what it was.
func codedText(f *protocol.Failure) string {
	return "[" + strconv.Itoa(int(f.Code)) + " " + codeName(f.Code) + "] " + f.Message
}

func codeName(code uint32) string {
	switch code {
	case protocol.CodeInternal:
		return "Internal"
	case protocol.CodeJournalMismatch:
		return "Journal mismatch"
	case protocol.CodeProtocol:
		return "Protocol violation"
	}
	if name := http.StatusText(int(code)); name != "" {
		return name
	}
	return "Unknown"
}

// shownStatus is the status of sys_invocation: it tells those apart that are invoked.
func shownStatus(r *invocation) string {
	switch r.st.State {
	case store.Inboxed:
		return "pending"
	case store.Invoked:
		switch {
		case r.hasLive && r.live.InFlight:
			return "running"
		case r.hasLive && r.live.RetryCount > 0:
			return "backing-off"
		}
		return "ready"
	}
	return r.st.State.String()
}

func invocationStatusTable() relation {
	return newPartitioned("sys_invocation_status", statusColumns(), byInvocation,
		func(o *opening) (rows[invocation], error) { return readInvocations(o, nil) })
}

// invocationTable is made of the columns of durable rows and, before the last three of its own, of
// those of attempts. It has no partition key.
func invocationTable() relation {
	durable := statusColumns()
	pick := func(names ...string) (list []column[invocation]) {
		for _, n := range names {
			for _, c := range durable {
				if c.name == n {
					list = append(list, c)
				}
			}
		}
		return list
	}
	columns := pick("id", "vqueue_id", "target", "target_service_name", "target_service_key",
		"target_handler_name", "target_service_ty", "scope", "limit_key", "idempotency_key",
		"invoked_by", "invoked_by_service_name", "invoked_by_id", "invoked_by_subscription_id",
		"invoked_by_target", "restarted_from", "pinned_deployment_id",
		"pinned_service_protocol_version", "trace_id", "journal_size", "journal_commands_size",
		"created_at", "created_using_restate_version", "modified_at", "inboxed_at", "scheduled_at",
		"scheduled_start_at", "running_at", "completed_at", "completion_retention",
		"journal_retention", "suspended_waiting_for_completions", "suspended_waiting_for_signals",
		"suspended_waiting_future_json")
	columns = append(columns, liveColumns()...)
	columns = append(columns, column[invocation]{"status", text, needsLive,
		func(v *table.Vector, r *invocation) { v.AppendString(shownStatus(r)) }})
	columns = append(columns, pick("completion_result", "completion_failure")...)
	p := newPartitioned("sys_invocation", columns, byInvocation,
		func(o *opening) (rows[invocation], error) { return readInvocations(o, o.view.Attempts) })
	p.table.View = true
	p.table.Columns[p.table.Column("status")].NotNull = true
	return p
}

// invocationStateTable has the attempts that run, from memory.
func invocationStateTable() relation {
	byName := map[string]column[invocation]{}
	for _, c := range liveColumns() {
		byName[c.name] = c
	}
	columns := append([]column[invocation]{}, statusColumns()[:2]...) // partition_key, id
	columns = append(columns, live("in_flight", table.Bool, func(v *table.Vector, a *explain.Attempt) {
		v.AppendBool(a.InFlight)
	}))
	for _, n := range []string{"retry_count", "last_start_at", "last_attempt_deployment_id",
		"last_attempt_server", "next_retry_at", "last_failure", "last_failure_error_code",
		"last_failure_related_command_index", "last_failure_related_command_name",
		"last_failure_related_command_type", "last_failure_related_entry_index",
		"last_failure_related_entry_name", "last_failure_related_entry_type",
		"last_awaiting_on_future_json"} {
		columns = append(columns, byName[n])
	}
	return newPartitioned("sys_invocation_state", columns, byInvocation,
		func(o *opening) (rows[invocation], error) {
			var list []invocation
			if o.view.Attempts != nil {
				o.view.Attempts.InspectAll(func(id protocol.InvocationID, a explain.Attempt) bool {
					list = append(list, invocation{
						st: store.Status{ID: id}, live: a, hasLive: true, source: o.source,
					})
					return true
				})
			}
			return &listed[invocation]{list: list}, nil
		})
}

// invocations reads status rows, and what is known of their attempts.
type invocations struct {
	from     rows[store.Status]
	attempts leader.Inspector
	source   *Source
}

func (i *invocations) Next(r *invocation) (bool, error) {
	ok, err := i.from.Next(&r.st)
	if !ok || err != nil {
		return false, err
	}
	r.source, r.hasLive = i.source, false
	if i.attempts != nil && r.st.State == store.Invoked {
		r.live, r.hasLive = i.attempts.Inspect(r.st.ID)
	}
	return true, nil
}

func (i *invocations) Close() error { return i.from.Close() }

// readInvocations walks over all invocations of a partition, or reads those that the conditions
// name.
func readInvocations(o *opening, attempts leader.Inspector) (rows[invocation], error) {
	i := &invocations{attempts: attempts, source: o.source}
	if ids, ok := namedInvocations(o); ok {
		i.from = &statuses{rows: o.view.Rows.Reader, ids: ids}
		return i, nil
	}
	states, any := wantedStates(o.scan)
	if !any {
		i.from = &listed[store.Status]{}
		return i, nil
	}
	read := func(s store.Span) (rows[store.Status], error) {
		return o.view.Rows.StatusRows(s, o.needs, states...)
	}
	keys, ok := invocationKeys(o.scan.Table, o.scan)
	if !ok {
		from, err := read(store.SpanKeys(o.view.Keys))
		i.from = from
		return i, err
	}
	slices.Sort(keys)
	var spans []store.Span
	for _, k := range slices.Compact(keys) {
		if o.view.Keys.Contains(k) {
			spans = append(spans, store.SpanKeys(protocol.KeyRange{First: k, Last: k}))
		}
	}
	i.from = &chained[store.Status]{spans: spans, read: read}
	return i, nil
}

// shownStates are the states behind what the column status of either table shows.
var shownStates = map[string]store.State{
	"scheduled": store.Scheduled, "inboxed": store.Inboxed, "pending": store.Inboxed,
	"invoked": store.Invoked, "running": store.Invoked, "ready": store.Invoked,
	"backing-off": store.Invoked, "suspended": store.Suspended, "paused": store.Paused,
	"completed": store.Completed,
}

// wantedStates are the states of the invocations that a scan asks for; none: all of them. any is
// false if it asks for none at all. A state that shows as several things is left out only if all
// of those are.
func wantedStates(q *table.Scan) (states []store.State, any bool) {
	at := q.Table.Column("status")
	wanted := map[store.State]bool{}
	narrowed := false
	for i := range q.Conditions {
		c := &q.Conditions[i]
		if c.Column != at || c.Op != table.In && c.Op != table.NotIn {
			continue
		}
		named := map[store.State]bool{}
		for _, v := range c.Values {
			if s, ok := shownStates[v.Str]; ok && (c.Op == table.In || s != store.Invoked) {
				named[s] = true
			}
		}
		for s := store.Scheduled; s <= store.Completed; s++ {
			if keep := named[s] == (c.Op == table.In); !narrowed {
				wanted[s] = keep
			} else {
				wanted[s] = wanted[s] && keep
			}
		}
		narrowed = true
	}
	if !narrowed {
		return nil, true
	}
	for s := store.Scheduled; s <= store.Completed; s++ {
		if wanted[s] {
			states = append(states, s)
		}
	}
	return states, len(states) > 0
}

// statuses reads the rows of single invocations.
type statuses struct {
	rows store.Reader
	ids  []protocol.InvocationID
}

func (s *statuses) Next(st *store.Status) (bool, error) {
	for len(s.ids) > 0 {
		id := s.ids[0]
		s.ids = s.ids[1:]
		found, ok, err := s.rows.GetStatus(id)
		if err != nil {
			return false, err
		}
		if ok {
			*st = found
			return true, nil
		}
	}
	return false, nil
}

func (s *statuses) Close() error { return nil }

// listed are rows that are in memory.
type listed[T any] struct{ list []T }

func (l *listed[T]) Next(row *T) (bool, error) {
	if len(l.list) == 0 {
		return false, nil
	}
	*row, l.list = l.list[0], l.list[1:]
	return true, nil
}

func (l *listed[T]) Close() error { return nil }
