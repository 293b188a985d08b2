package source

import (
	"context"
	"strings"

	"github.com/perdure/perdure/admin/query/table"
)

// empty is a table of a feature that is off. It has its columns, so that queries about it answer
// that there is nothing.
type empty struct{ table *table.Table }

func (e empty) describe() *table.Table { return e.table }

func (e empty) partitions(*Source, *table.Scan) []uint16 { return nil }

func (e empty) open(context.Context, *Source, uint16, *table.Scan) (table.Reader, error) {
	return noRows{}, nil
}

type noRows struct{}

func (noRows) Next(b *table.Batch) (bool, error) {
	b.Reset()
	return false, nil
}

func (noRows) Close() error { return nil }

func emptyTables(names ...string) (list []relation) {
	for _, name := range names {
		list = append(list, empty{parseTable(name, emptyColumns[name])})
	}
	return list
}

var typeNames = map[string]table.Type{
	"str": table.String, "u32": table.Uint32, "u64": table.Uint64, "bool": table.Bool,
	"ts": table.Timestamp, "dur": table.Duration,
}

// parseTable makes a table of "name type, name type".
func parseTable(name, columns string) *table.Table {
	t := &table.Table{Name: name}
	for _, c := range strings.Split(columns, ",") {
		f := strings.Fields(c)
		t.Columns = append(t.Columns, table.Column{Name: f[0], Type: typeNames[f[1]]})
	}
	return t
}

// emptyColumns are tables of flow control, which is off.
var emptyColumns = map[string]string{
	"sys_locks": "partition_key u64, scope str, lock_name str, acquired_at ts, acquired_by str",
	"sys_rules": "pattern str, concurrency u32, description str, disabled bool, version u32, " +
		"last_modified ts",
	"sys_scheduler": "partition_key u64, id str, num_inbox u64, status str, head_entry_id str, " +
		"scheduled_at ts, blocked_on str, blocked_on_json str, " +
		"invoker_concurrency_block_duration dur, throttling_rules_block_duration dur, " +
		"invoker_throttling_block_duration dur, invoker_memory_block_duration dur, " +
		"concurrency_rules_block_duration dur, lock_block_duration dur, " +
		"deployment_concurrency_block_duration dur",
	"sys_user_limits": "partition_key u64, scope str, l1 str, l2 str, level str, usage u32, " +
		"concurrency_limit u32, rule_pattern str, available u32, num_waiters u64",
	"sys_vqueue_entry_status": "partition_key u64, entry_id str, vqueue_id str, stage str, status str, " +
		"has_lock bool, next_at ts, sequence_number u64, entry_kind str, created_at ts, " +
		"transitioned_at ts, num_attempts u32, num_errors u32, num_pauses u32, " +
		"num_suspensions u32, num_yields u32, first_attempt_at ts, latest_attempt_at ts, " +
		"first_runnable_at ts, deployment str, needed_memory u64, retry_attempts u32, " +
		"retry_count_since_last_stored_command u32, " +
		"latest_attempt_blocked_on_invoker_concurrency dur, " +
		"latest_attempt_blocked_on_throttling_rules dur, " +
		"latest_attempt_blocked_on_invoker_throttling dur, " +
		"latest_attempt_blocked_on_invoker_memory dur, " +
		"latest_attempt_blocked_on_concurrency_rules dur, " +
		"latest_attempt_blocked_on_lock dur, " +
		"latest_attempt_blocked_on_deployment_concurrency dur, " +
		"total_blocked_on_invoker_concurrency dur, " +
		"total_blocked_on_throttling_rules dur, total_blocked_on_invoker_throttling dur, " +
		"total_blocked_on_invoker_memory dur, total_blocked_on_concurrency_rules dur, " +
		"total_blocked_on_lock dur, total_blocked_on_deployment_concurrency dur",
	"sys_vqueue_meta": "partition_key u64, id str, is_active bool, queue_is_paused bool, " +
		"service_name str, scope str, limit_key str, lock_name str, created_at ts, " +
		"last_enqueued_at ts, last_start_at ts, last_attempt_at ts, last_finish_at ts, " +
		"avg_queue_duration dur, avg_inbox_duration dur, avg_run_duration dur, " +
		"avg_suspension_duration dur, avg_end_to_end_duration dur, " +
		"avg_blocked_on_concurrency_rules dur, avg_blocked_on_invoker_concurrency dur, " +
		"avg_blocked_on_invoker_throttling dur, avg_blocked_on_lock dur, num_inbox u64, " +
		"num_running u64, num_suspended u64, num_paused u64, num_finished u64",
	"sys_vqueues": "partition_key u64, id str, stage str, status str, has_lock bool, run_at ts, " +
		"sequence_number u64, entry_id str, entry_kind str, created_at ts, " +
		"transitioned_at ts, num_attempts u32, num_errors u32, num_pauses u32, " +
		"num_suspensions u32, num_yields u32, first_attempt_at ts, latest_attempt_at ts, " +
		"first_runnable_at ts, deployment str",
}
