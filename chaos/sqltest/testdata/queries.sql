# What the official command line and the console ask, with other names, and then more. See ../doc.go.

SELECT target_service_name, target_handler_name, 'pending' as status, COUNT(1) as num_invocations, MIN(created_at) as oldest_at, FIRST_VALUE(id ORDER BY created_at ASC) as oldest_invocation FROM sys_invocation_status WHERE status == 'inboxed' AND target_service_name IN ('GoStore','GoOrder','GoBasic') GROUP BY target_service_name, target_handler_name

SELECT target_service_name, target_handler_name, status, COUNT(1) as num_invocations, MIN(created_at) as oldest_at, FIRST_VALUE(id ORDER BY created_at ASC) as oldest_invocation FROM sys_invocation WHERE target_service_name IN ('GoStore','GoOrder','GoBasic') GROUP BY target_service_name, target_handler_name, status ORDER BY target_handler_name

SELECT service_name, service_key, COUNT(1) as num_pending FROM sys_inbox WHERE service_name IN ('GoStore','GoOrder') GROUP BY service_name, service_key ORDER BY num_pending DESC

# some
SELECT target_service_name as service_name, target_service_key as service_key, status as invocation_status, first_value(id) as invocation_holding_lock, first_value(target_handler_name) as invocation_method_holding_lock, first_value(created_at) as invocation_created_at, first_value(modified_at) as modified_at, first_value(pinned_deployment_id) as pinned_deployment_id, first_value(last_attempt_deployment_id) as last_attempt_deployment_id, first_value(last_failure) as last_failure_message, first_value(next_retry_at) as next_retry_at, first_value(last_start_at) as last_start_at, 0 as num_pending, sum(retry_count) as num_retries FROM sys_invocation WHERE status != 'pending' AND target_service_name IN ('GoStore','GoOrder') GROUP BY target_service_name, target_service_key, status

SELECT target_service_name, target_handler_name, 'pending' as status, COUNT(1) as num_invocations, MIN(created_at) as oldest_at, FIRST_VALUE(id ORDER BY created_at ASC) as oldest_invocation FROM sys_invocation_status WHERE status == 'inboxed' AND target_service_name IN ('GoBasic') GROUP BY target_service_name, target_handler_name

SELECT target_service_name, target_handler_name, status, COUNT(1) as num_invocations, MIN(created_at) as oldest_at, FIRST_VALUE(id ORDER BY created_at ASC) as oldest_invocation FROM sys_invocation WHERE target_service_name IN ('GoBasic') GROUP BY target_service_name, target_handler_name, status ORDER BY target_handler_name

SELECT id FROM sys_invocation inv WHERE inv.target_service_name = 'GoBasic' ORDER BY inv.created_at DESC, inv.id LIMIT 5

SELECT inv.id, inv.target, inv.target_service_ty, inv.idempotency_key, inv.status, inv.created_at, inv.modified_at as state_modified_at, inv.pinned_deployment_id, inv.retry_count as num_retries, inv.last_failure as last_failure_message, inv.last_failure_related_entry_index as last_failure_entry_index, inv.last_failure_related_entry_name as last_failure_entry_name, inv.last_failure_related_entry_type as last_failure_entry_ty, inv.last_attempt_deployment_id, inv.last_attempt_server, inv.next_retry_at, inv.last_start_at, inv.invoked_by_id, inv.invoked_by_target, inv.trace_id, inv.completion_result, inv.completion_failure, dp.id IS NOT NULL as pinned_deployment_exists FROM sys_invocation inv LEFT JOIN sys_deployment dp ON dp.id = inv.pinned_deployment_id WHERE inv.target_service_name = 'GoBasic' AND inv.id in ('{done}','{failed}','{held}','{suspended}','{paused}','{order}','{parent}','{scheduled}') ORDER BY inv.created_at DESC, inv.id

SELECT COUNT(1) FROM (SELECT * FROM sys_invocation inv LIMIT 50000 ) WHERE status != 'completed'

SELECT id FROM sys_invocation inv WHERE status != 'completed' ORDER BY inv.created_at DESC, inv.id LIMIT 100

SELECT inv.id, inv.target, inv.target_service_ty, inv.idempotency_key, inv.status, inv.created_at, inv.modified_at as state_modified_at, inv.pinned_deployment_id, inv.retry_count as num_retries, inv.last_failure as last_failure_message, inv.last_failure_related_entry_index as last_failure_entry_index, inv.last_failure_related_entry_name as last_failure_entry_name, inv.last_failure_related_entry_type as last_failure_entry_ty, inv.last_attempt_deployment_id, inv.last_attempt_server, inv.next_retry_at, inv.last_start_at, inv.invoked_by_id, inv.invoked_by_target, inv.trace_id, inv.completion_result, inv.completion_failure, dp.id IS NOT NULL as pinned_deployment_exists FROM sys_invocation inv LEFT JOIN sys_deployment dp ON dp.id = inv.pinned_deployment_id WHERE status != 'completed' AND inv.id in ('{done}','{failed}','{held}','{suspended}','{paused}','{order}','{parent}','{scheduled}') ORDER BY inv.created_at DESC, inv.id

SELECT COUNT(1) FROM (SELECT * FROM sys_invocation inv LIMIT 50000 )

SELECT id FROM sys_invocation inv ORDER BY inv.created_at DESC, inv.id LIMIT 100

SELECT inv.id, inv.target, inv.target_service_ty, inv.idempotency_key, inv.status, inv.created_at, inv.modified_at as state_modified_at, inv.pinned_deployment_id, inv.retry_count as num_retries, inv.last_failure as last_failure_message, inv.last_failure_related_entry_index as last_failure_entry_index, inv.last_failure_related_entry_name as last_failure_entry_name, inv.last_failure_related_entry_type as last_failure_entry_ty, inv.last_attempt_deployment_id, inv.last_attempt_server, inv.next_retry_at, inv.last_start_at, inv.invoked_by_id, inv.invoked_by_target, inv.trace_id, inv.completion_result, inv.completion_failure, dp.id IS NOT NULL as pinned_deployment_exists FROM sys_invocation inv LEFT JOIN sys_deployment dp ON dp.id = inv.pinned_deployment_id WHERE inv.id in ('{done}','{failed}','{held}','{suspended}','{paused}','{order}','{parent}','{scheduled}') ORDER BY inv.created_at DESC, inv.id

SELECT COUNT(1) FROM (SELECT * FROM sys_invocation inv LIMIT 50000 ) WHERE inv.target_service_name IN ('GoBasic') AND inv.target_handler_name IN ('echo') AND status IN ('running')

SELECT id FROM sys_invocation inv WHERE inv.target_service_name IN ('GoBasic') AND inv.target_handler_name IN ('echo') AND status IN ('running') ORDER BY inv.created_at DESC, inv.id LIMIT 100

SELECT COUNT(1) FROM (SELECT * FROM sys_invocation inv LIMIT 50000 ) WHERE (inv.pinned_deployment_id IN ('{dp}') OR inv.last_attempt_deployment_id IN ('{dp}')) AND status != 'completed'

SELECT id FROM sys_invocation inv WHERE (inv.pinned_deployment_id IN ('{dp}') OR inv.last_attempt_deployment_id IN ('{dp}')) AND status != 'completed' ORDER BY inv.created_at DESC, inv.id LIMIT 100

SELECT inv.id, inv.target, inv.target_service_ty, inv.idempotency_key, inv.status, inv.created_at, inv.modified_at as state_modified_at, inv.pinned_deployment_id, inv.retry_count as num_retries, inv.last_failure as last_failure_message, inv.last_failure_related_entry_index as last_failure_entry_index, inv.last_failure_related_entry_name as last_failure_entry_name, inv.last_failure_related_entry_type as last_failure_entry_ty, inv.last_attempt_deployment_id, inv.last_attempt_server, inv.next_retry_at, inv.last_start_at, inv.invoked_by_id, inv.invoked_by_target, inv.trace_id, inv.completion_result, inv.completion_failure, dp.id IS NOT NULL as pinned_deployment_exists FROM sys_invocation inv LEFT JOIN sys_deployment dp ON dp.id = inv.pinned_deployment_id WHERE (inv.pinned_deployment_id IN ('{dp}') OR inv.last_attempt_deployment_id IN ('{dp}')) AND status != 'completed' AND inv.id in ('{done}','{failed}','{held}','{suspended}','{paused}','{order}','{parent}','{scheduled}') ORDER BY inv.created_at DESC, inv.id

SELECT COUNT(1) FROM (SELECT * FROM sys_invocation inv LIMIT 50000 ) WHERE inv.target_service_name IN (select name from sys_service where ty = 'virtual_object') AND status != 'completed'

SELECT id FROM sys_invocation inv WHERE inv.target_service_name IN (select name from sys_service where ty = 'virtual_object') AND status != 'completed' ORDER BY inv.created_at DESC, inv.id LIMIT 100

SELECT inv.id, inv.target, inv.target_service_ty, inv.idempotency_key, inv.status, inv.created_at, inv.modified_at as state_modified_at, inv.pinned_deployment_id, inv.retry_count as num_retries, inv.last_failure as last_failure_message, inv.last_failure_related_entry_index as last_failure_entry_index, inv.last_failure_related_entry_name as last_failure_entry_name, inv.last_failure_related_entry_type as last_failure_entry_ty, inv.last_attempt_deployment_id, inv.last_attempt_server, inv.next_retry_at, inv.last_start_at, inv.invoked_by_id, inv.invoked_by_target, inv.trace_id, inv.completion_result, inv.completion_failure, dp.id IS NOT NULL as pinned_deployment_exists FROM sys_invocation inv LEFT JOIN sys_deployment dp ON dp.id = inv.pinned_deployment_id WHERE inv.target_service_name IN (select name from sys_service where ty = 'virtual_object') AND status != 'completed' AND inv.id in ('{done}','{failed}','{held}','{suspended}','{paused}','{order}','{parent}','{scheduled}') ORDER BY inv.created_at DESC, inv.id

SELECT COUNT(1) FROM (SELECT * FROM sys_invocation inv LIMIT 50000 ) WHERE inv.target_service_name IN ('GoStore') AND inv.target_service_key IN ('k1') AND status != 'completed'

SELECT id FROM sys_invocation inv WHERE inv.target_service_name IN ('GoStore') AND inv.target_service_key IN ('k1') AND status != 'completed' ORDER BY inv.created_at DESC, inv.id LIMIT 100

SELECT inv.id, inv.target, inv.target_service_ty, inv.idempotency_key, inv.status, inv.created_at, inv.modified_at as state_modified_at, inv.pinned_deployment_id, inv.retry_count as num_retries, inv.last_failure as last_failure_message, inv.last_failure_related_entry_index as last_failure_entry_index, inv.last_failure_related_entry_name as last_failure_entry_name, inv.last_failure_related_entry_type as last_failure_entry_ty, inv.last_attempt_deployment_id, inv.last_attempt_server, inv.next_retry_at, inv.last_start_at, inv.invoked_by_id, inv.invoked_by_target, inv.trace_id, inv.completion_result, inv.completion_failure, dp.id IS NOT NULL as pinned_deployment_exists FROM sys_invocation inv LEFT JOIN sys_deployment dp ON dp.id = inv.pinned_deployment_id WHERE inv.target_service_name IN ('GoStore') AND inv.target_service_key IN ('k1') AND status != 'completed' AND inv.id in ('{done}','{failed}','{held}','{suspended}','{paused}','{order}','{parent}','{scheduled}') ORDER BY inv.created_at DESC, inv.id

SELECT id FROM sys_invocation inv WHERE inv.id = '{failed}' LIMIT 1

SELECT inv.id, inv.target, inv.target_service_ty, inv.idempotency_key, inv.status, inv.created_at, inv.modified_at as state_modified_at, inv.pinned_deployment_id, inv.retry_count as num_retries, inv.last_failure as last_failure_message, inv.last_failure_related_entry_index as last_failure_entry_index, inv.last_failure_related_entry_name as last_failure_entry_name, inv.last_failure_related_entry_type as last_failure_entry_ty, inv.last_attempt_deployment_id, inv.last_attempt_server, inv.next_retry_at, inv.last_start_at, inv.invoked_by_id, inv.invoked_by_target, inv.trace_id, inv.completion_result, inv.completion_failure, dp.id IS NOT NULL as pinned_deployment_exists FROM sys_invocation inv LEFT JOIN sys_deployment dp ON dp.id = inv.pinned_deployment_id WHERE inv.id = '{steps}' AND inv.id in ('{done}','{failed}','{held}','{suspended}','{paused}','{order}','{parent}','{scheduled}')

SELECT COUNT(*) FROM information_schema.columns WHERE table_name = 'sys_journal' AND column_name IN ('promise_name')

SELECT COUNT(*) FROM information_schema.columns WHERE table_name = 'sys_journal' AND column_name IN ('version', 'entry_json', 'appended_at')

# differs: request headers stand in another order
SELECT sj.index, sj.entry_type, sj.completed, sj.invoked_id, sj.invoked_target, sj.sleep_wakeup_at, sj.name, sj.promise_name, sj.version, sj.entry_json, sj.appended_at FROM sys_journal sj WHERE sj.id = '{held}' ORDER BY index DESC LIMIT 100

select key, value from state where service_name = 'GoStore' and service_key = 'w1' ;

SELECT service_name, service_key, key, value FROM state WHERE service_name = 'GoStore' AND service_key = 'k1'

# some
select id,status from sys_invocation limit 2

show tables

SELECT pattern, concurrency, description, disabled, version, last_modified FROM sys_rules ORDER BY pattern

SELECT pattern, concurrency, description, disabled, version, last_modified FROM sys_rules WHERE pattern = 's1/*'

SELECT id, is_active, queue_is_paused, service_name, scope, limit_key, lock_name, created_at, last_enqueued_at, last_start_at, last_attempt_at, last_finish_at, num_inbox, num_running, num_suspended, num_paused, num_finished FROM sys_vqueue_meta LIMIT 100

SELECT id, target FROM sys_invocation_status WHERE id = '{suspended}' AND status IN ('invoked', 'suspended') LIMIT 500

SELECT id, target FROM sys_invocation_status WHERE id = '{paused}' AND status IN ('paused', 'invoked', 'suspended') LIMIT 500

SELECT id, target FROM sys_invocation_status WHERE id = '{order}' AND status != 'completed' LIMIT 500

SELECT id, target FROM sys_invocation_status WHERE target LIKE 'GoStore/%' AND status != 'completed' LIMIT 500

SELECT id, target FROM sys_invocation_status WHERE ((target = 'GoBasic/failTimes' AND target_service_ty = 'service') OR (target LIKE 'GoBasic/failTimes/%' AND target_service_ty != 'service')) AND status != 'completed' LIMIT 500

SELECT id, target FROM sys_invocation_status WHERE id = '{parent}' AND status = 'completed' LIMIT 500

SELECT id, target FROM sys_invocation_status WHERE ((target = 'GoBasic/fail' AND target_service_ty = 'service') OR (target LIKE 'GoBasic/fail/%' AND target_service_ty != 'service')) AND status = 'completed' LIMIT 500

SELECT COUNT(1) FROM (SELECT * FROM sys_invocation inv LIMIT 50000 ) WHERE (inv.pinned_deployment_id IS NOT NULL AND inv.pinned_deployment_id NOT IN (select id from sys_deployment)) AND status != 'completed'

SELECT id FROM sys_invocation inv WHERE (inv.pinned_deployment_id IS NOT NULL AND inv.pinned_deployment_id NOT IN (select id from sys_deployment)) AND status != 'completed' ORDER BY inv.created_at DESC, inv.id LIMIT 100

# some
SELECT id FROM sys_invocation inv WHERE status != 'completed' ORDER BY inv.created_at ASC, inv.id LIMIT 2

SELECT inv.id, inv.target, inv.target_service_ty, inv.idempotency_key, inv.status, inv.created_at, inv.modified_at as state_modified_at, inv.pinned_deployment_id, inv.retry_count as num_retries, inv.last_failure as last_failure_message, inv.last_failure_related_entry_index as last_failure_entry_index, inv.last_failure_related_entry_name as last_failure_entry_name, inv.last_failure_related_entry_type as last_failure_entry_ty, inv.last_attempt_deployment_id, inv.last_attempt_server, inv.next_retry_at, inv.last_start_at, inv.invoked_by_id, inv.invoked_by_target, inv.trace_id, inv.completion_result, inv.completion_failure, dp.id IS NOT NULL as pinned_deployment_exists FROM sys_invocation inv LEFT JOIN sys_deployment dp ON dp.id = inv.pinned_deployment_id WHERE status != 'completed' AND inv.id in ('{done}','{failed}','{held}','{suspended}','{paused}','{order}','{parent}','{scheduled}') ORDER BY inv.created_at ASC, inv.id

SELECT target_service_name as service, target_handler_name as handler, COUNT(1) AS inv_count FROM sys_invocation_status WHERE pinned_deployment_id = '{dp}' AND status != 'completed' GROUP BY pinned_deployment_id, target_service_name, target_handler_name

# differs: plans are each engine's own
explain select 1

# some
SELECT id from sys_invocation ORDER BY modified_at DESC LIMIT 250

SELECT id, target, target_service_name, target_service_key, target_handler_name, target_service_ty, idempotency_key, invoked_by, invoked_by_id, invoked_by_subscription_id, invoked_by_target, restarted_from, pinned_deployment_id, pinned_service_protocol_version, journal_size, journal_commands_size, created_at, modified_at, inboxed_at, scheduled_at, scheduled_start_at, running_at, completed_at, completion_retention, journal_retention, retry_count, last_start_at, next_retry_at, last_attempt_deployment_id, last_attempt_server, last_failure, last_failure_error_code, status, completion_result, completion_failure, CASE WHEN status = 'scheduled' THEN NULL ELSE COALESCE(completed_at, now()) - COALESCE(scheduled_start_at, created_at) END AS duration from sys_invocation WHERE id IN ('{done}','{failed}','{held}','{suspended}','{paused}','{order}','{parent}','{scheduled}') ORDER BY modified_at DESC

# some
SELECT ss.id AS id FROM sys_invocation_status ss LEFT JOIN sys_invocation_state sis ON sis.id = ss.id WHERE ss.status IN ('invoked', 'suspended', 'paused', 'inboxed', 'scheduled') AND ((ss.status = 'invoked' AND sis.in_flight) OR (("status" = 'suspended')) OR (ss.status = 'invoked' AND (sis.in_flight IS NOT TRUE) AND sis.retry_count > 0) OR (("status" = 'paused')) OR (ss.status = 'inboxed') OR (ss.status = 'invoked' AND (sis.in_flight IS NOT TRUE) AND COALESCE(sis.retry_count, 0) = 0) OR (("status" = 'scheduled'))) ORDER BY created_at DESC LIMIT 250

SELECT id, target, target_service_name, target_service_key, target_handler_name, target_service_ty, idempotency_key, invoked_by, invoked_by_id, invoked_by_subscription_id, invoked_by_target, restarted_from, pinned_deployment_id, pinned_service_protocol_version, journal_size, journal_commands_size, created_at, modified_at, inboxed_at, scheduled_at, scheduled_start_at, running_at, completed_at, completion_retention, journal_retention, retry_count, last_start_at, next_retry_at, last_attempt_deployment_id, last_attempt_server, last_failure, last_failure_error_code, status, completion_result, completion_failure, CASE WHEN status = 'scheduled' THEN NULL ELSE COALESCE(completed_at, now()) - COALESCE(scheduled_start_at, created_at) END AS duration from sys_invocation WHERE id IN ('{done}','{failed}','{held}','{suspended}','{paused}','{order}','{parent}','{scheduled}') AND (((("status" = 'running'))) OR ((("status" = 'suspended'))) OR ((("status" = 'backing-off'))) OR ((("status" = 'paused'))) OR ((("status" = 'pending'))) OR ((("status" = 'ready'))) OR ((("status" = 'scheduled')))) ORDER BY created_at DESC

# some
SELECT id from (SELECT id, target, target_service_name, target_service_key, target_handler_name, target_service_ty, idempotency_key, invoked_by, invoked_by_id, invoked_by_subscription_id, invoked_by_target, restarted_from, pinned_deployment_id, pinned_service_protocol_version, journal_size, journal_commands_size, created_at, modified_at, inboxed_at, scheduled_at, scheduled_start_at, running_at, completed_at, completion_retention, journal_retention, retry_count, last_start_at, next_retry_at, last_attempt_deployment_id, last_attempt_server, last_failure, last_failure_error_code, status, completion_result, completion_failure FROM sys_invocation LIMIT 1000) LIMIT 250

SELECT id, target, target_service_name, target_service_key, target_handler_name, target_service_ty, idempotency_key, invoked_by, invoked_by_id, invoked_by_subscription_id, invoked_by_target, restarted_from, pinned_deployment_id, pinned_service_protocol_version, journal_size, journal_commands_size, created_at, modified_at, inboxed_at, scheduled_at, scheduled_start_at, running_at, completed_at, completion_retention, journal_retention, retry_count, last_start_at, next_retry_at, last_attempt_deployment_id, last_attempt_server, last_failure, last_failure_error_code, status, completion_result, completion_failure, CASE WHEN status = 'scheduled' THEN NULL ELSE COALESCE(completed_at, now()) - COALESCE(scheduled_start_at, created_at) END AS duration from sys_invocation WHERE id IN ('{done}','{failed}','{held}','{suspended}','{paused}','{order}','{parent}','{scheduled}')

# some
SELECT COUNT(1) as total_count FROM (SELECT id, target, target_service_name, target_service_key, target_handler_name, target_service_ty, idempotency_key, invoked_by, invoked_by_id, invoked_by_subscription_id, invoked_by_target, restarted_from, pinned_deployment_id, pinned_service_protocol_version, journal_size, journal_commands_size, created_at, modified_at, inboxed_at, scheduled_at, scheduled_start_at, running_at, completed_at, completion_retention, journal_retention, retry_count, last_start_at, next_retry_at, last_attempt_deployment_id, last_attempt_server, last_failure, last_failure_error_code, status, completion_result, completion_failure FROM sys_invocation LIMIT 200000)

SELECT id from sys_invocation LIMIT 100

SELECT status, completion_result, target_service_name, target_handler_name, COUNT(1) as count FROM (SELECT id, target, target_service_name, target_service_key, target_handler_name, target_service_ty, idempotency_key, invoked_by, invoked_by_id, invoked_by_subscription_id, invoked_by_target, restarted_from, pinned_deployment_id, pinned_service_protocol_version, journal_size, journal_commands_size, created_at, modified_at, inboxed_at, scheduled_at, scheduled_start_at, running_at, completed_at, completion_retention, journal_retention, retry_count, last_start_at, next_retry_at, last_attempt_deployment_id, last_attempt_server, last_failure, last_failure_error_code, status, completion_result, completion_failure FROM sys_invocation LIMIT 50000) GROUP BY status, completion_result, target_service_name, target_handler_name

SELECT id, status, completion_result, completion_failure, pinned_deployment_id, last_attempt_deployment_id, target_service_name, target_service_key, target_handler_name FROM sys_invocation WHERE id IN ('{done}','{failed}','{held}','{suspended}','{paused}','{order}','{parent}','{scheduled}')

SELECT id, target, target_service_name, target_service_key, target_handler_name, target_service_ty, idempotency_key, invoked_by, invoked_by_id, invoked_by_subscription_id, invoked_by_target, restarted_from, pinned_deployment_id, pinned_service_protocol_version, journal_size, journal_commands_size, created_at, modified_at, inboxed_at, scheduled_at, scheduled_start_at, running_at, completed_at, completion_retention, journal_retention, retry_count, last_start_at, next_retry_at, last_attempt_deployment_id, last_attempt_server, last_failure, last_failure_error_code, status, completion_result, completion_failure, invoked_by_service_name, trace_id, created_using_restate_version, last_failure_related_entry_index, last_failure_related_entry_name, last_failure_related_entry_type, last_failure_related_command_index, last_failure_related_command_name, last_failure_related_command_type FROM sys_invocation WHERE id = '{scheduled}'

SELECT id, index, appended_at, entry_type, name, raw_length, entry_lite_json, version, completed, sleep_wakeup_at, invoked_id, invoked_target, promise_name FROM sys_journal WHERE id = '{killed}' ORDER BY index

SELECT after_journal_entry_index, appended_at, event_type, event_json from sys_journal_events WHERE id = '{queued}' ORDER BY appended_at

# differs: request headers stand in another order
SELECT id, index, appended_at, entry_type, name, entry_json, version, raw, completed, sleep_wakeup_at, invoked_id, invoked_target, promise_name FROM sys_journal WHERE id = '{done}' AND index = 0

# differs: request headers stand in another order
SELECT entry_type, entry_json, raw FROM sys_journal WHERE id = '{failed}' AND index = 0

SELECT id, index, appended_at, entry_type, name, entry_lite_json, version, completed, sleep_wakeup_at, invoked_id, invoked_target, promise_name FROM sys_journal WHERE id = '{steps}' AND index = 0

SELECT id, appended_at, event_type, event_json FROM sys_journal_events WHERE id = '{held}' AND event_type = 'Paused' ORDER BY appended_at DESC LIMIT 1

SELECT id, appended_at, event_type, event_json FROM sys_journal_events WHERE id = '{suspended}' AND event_type = 'TransientError' ORDER BY appended_at DESC LIMIT 1

# some
SELECT ss.id AS id FROM sys_invocation_status ss ORDER BY ss.modified_at DESC LIMIT 250

SELECT id, target, target_service_name, target_service_key, target_handler_name, target_service_ty, idempotency_key, invoked_by, invoked_by_id, invoked_by_subscription_id, invoked_by_target, restarted_from, pinned_deployment_id, pinned_service_protocol_version, journal_size, journal_commands_size, created_at, modified_at, inboxed_at, scheduled_at, scheduled_start_at, running_at, completed_at, completion_retention, journal_retention, retry_count, last_start_at, next_retry_at, last_attempt_deployment_id, last_attempt_server, last_failure, last_failure_error_code, status, completion_result, completion_failure FROM sys_invocation i WHERE i.id IN ('{done}','{failed}','{held}','{suspended}','{paused}','{order}','{parent}','{scheduled}') ORDER BY i.modified_at DESC NULLS LAST

# some
SELECT ss.id AS id FROM sys_invocation_status ss LEFT JOIN ( SELECT id AS state_id, in_flight, retry_count FROM sys_invocation_state ) sis ON sis.state_id = ss.id WHERE ss.status IN ('invoked', 'suspended', 'paused', 'inboxed', 'scheduled') AND ((ss.status = 'invoked' AND sis.in_flight) OR (ss.status = 'suspended') OR (ss.status = 'invoked' AND sis.in_flight IS NOT TRUE AND sis.retry_count > 0) OR (ss.status = 'paused') OR (ss.status = 'inboxed') OR (ss.status = 'invoked' AND sis.in_flight IS NOT TRUE AND COALESCE(sis.retry_count, 0) = 0) OR (ss.status = 'scheduled')) ORDER BY ss.created_at DESC LIMIT 250

SELECT id, target, target_service_name, target_service_key, target_handler_name, target_service_ty, idempotency_key, invoked_by, invoked_by_id, invoked_by_subscription_id, invoked_by_target, restarted_from, pinned_deployment_id, pinned_service_protocol_version, journal_size, journal_commands_size, created_at, modified_at, inboxed_at, scheduled_at, scheduled_start_at, running_at, completed_at, completion_retention, journal_retention, retry_count, last_start_at, next_retry_at, last_attempt_deployment_id, last_attempt_server, last_failure, last_failure_error_code, status, completion_result, completion_failure FROM sys_invocation i WHERE i.id IN ('{done}','{failed}','{held}','{suspended}','{paused}','{order}','{parent}','{scheduled}') AND ((i.status = 'running') OR (i.status = 'suspended') OR (i.status = 'backing-off') OR (i.status = 'paused') OR (i.status = 'pending') OR (i.status = 'ready') OR (i.status = 'scheduled')) ORDER BY i.created_at DESC NULLS LAST

SELECT ss.target_service_name AS service_name, CASE WHEN ss.status = 'inboxed' THEN 'pending' WHEN ss.status = 'invoked' AND sis.in_flight IS TRUE THEN 'running' WHEN ss.status = 'invoked' AND sis.retry_count > 0 THEN 'backing-off' WHEN ss.status = 'invoked' THEN 'ready' WHEN ss.status = 'completed' AND ss.completion_result = 'success' THEN 'succeeded' WHEN ss.status = 'completed' THEN 'failed' ELSE ss.status END AS bucket, COUNT(1) AS count FROM sys_invocation_status ss LEFT JOIN sys_invocation_state sis ON sis.id = ss.id GROUP BY ss.target_service_name, CASE WHEN ss.status = 'inboxed' THEN 'pending' WHEN ss.status = 'invoked' AND sis.in_flight IS TRUE THEN 'running' WHEN ss.status = 'invoked' AND sis.retry_count > 0 THEN 'backing-off' WHEN ss.status = 'invoked' THEN 'ready' WHEN ss.status = 'completed' AND ss.completion_result = 'success' THEN 'succeeded' WHEN ss.status = 'completed' THEN 'failed' ELSE ss.status END

SELECT SUM(CASE WHEN status = 'inboxed' THEN 1 ELSE 0 END) AS inboxed, SUM(CASE WHEN status = 'scheduled' THEN 1 ELSE 0 END) AS scheduled, SUM(CASE WHEN status = 'invoked' THEN 1 ELSE 0 END) AS invoked FROM sys_invocation_status WHERE status IN ('inboxed', 'scheduled', 'invoked')

SELECT SUM(CASE WHEN in_flight THEN 1 ELSE 0 END) AS running, SUM( CASE WHEN in_flight IS NOT TRUE AND retry_count > 0 THEN 1 ELSE 0 END ) AS backing_off FROM sys_invocation_state

SELECT CASE WHEN completion_result = 'success' THEN 'succeeded' ELSE 'failed' END AS status, COUNT(1) AS count FROM ( SELECT completion_result FROM sys_invocation_status WHERE status = 'completed' AND completed_at >= '2020-01-01T00:00:00Z' AND completed_at < '2100-01-01T00:00:00Z' LIMIT 50000 ) completed_invocations GROUP BY CASE WHEN completion_result = 'success' THEN 'succeeded' ELSE 'failed' END

SELECT DISTINCT service_key AS object_key FROM state WHERE service_name = 'GoStore' LIMIT 51

SELECT DISTINCT target_service_key AS object_key FROM sys_invocation_status WHERE target_service_name = 'GoStore' AND target_service_ty = 'virtual_object' AND target_service_key IS NOT NULL AND status <> 'completed' LIMIT 51

SELECT service_key AS object_key, COUNT(*) AS backlog FROM sys_inbox WHERE service_name = 'GoStore' AND ( (service_key = 'a/b c') ) GROUP BY service_key

SELECT service_key AS object_key, invocation_id AS acquired_by FROM sys_keyed_service_status WHERE service_name = 'GoStore' AND invocation_id IS NOT NULL AND ( (service_key = 'a/b c') )

SELECT invocation_id FROM sys_keyed_service_status WHERE service_name = 'GoStore' AND service_key = 'k1' AND invocation_id IS NOT NULL LIMIT 1

SELECT COUNT(*) AS inbox_count FROM sys_inbox WHERE service_name = 'GoStore' AND service_key = 'k1'

# some
SELECT id FROM sys_inbox WHERE service_name = 'GoStore' AND service_key = 'k1' LIMIT 26

SELECT si.id FROM sys_invocation_status si WHERE si.target_service_ty = 'virtual_object' AND si.target_service_name = 'GoStore' AND si.target_service_key = 'k1' ORDER BY si.created_at DESC NULLS LAST LIMIT 51

SELECT COUNT(*) AS size FROM sys_inbox WHERE service_key = 'k1' AND service_name = 'GoStore'

SELECT id FROM sys_invocation WHERE target_service_key = 'k1' AND target_service_name = 'GoStore' AND status NOT IN ('completed', 'pending', 'scheduled') AND target_handler_name IN ('clear', 'add', 'hold')

SELECT id FROM sys_invocation_status WHERE target_service_name = 'GoOrder' AND target_service_ty = 'workflow' AND target_handler_name = 'run' AND target_service_key IS NOT NULL ORDER BY created_at DESC NULLS LAST LIMIT 51

SELECT id, target, target_service_name, target_service_key, target_handler_name, target_service_ty, idempotency_key, invoked_by, invoked_by_id, invoked_by_subscription_id, invoked_by_target, restarted_from, pinned_deployment_id, pinned_service_protocol_version, journal_size, journal_commands_size, created_at, modified_at, inboxed_at, scheduled_at, scheduled_start_at, running_at, completed_at, completion_retention, journal_retention, retry_count, last_start_at, next_retry_at, last_attempt_deployment_id, last_attempt_server, last_failure, last_failure_error_code, status, completion_result, completion_failure FROM sys_invocation WHERE id IN ('{done}','{failed}','{held}','{suspended}','{paused}','{order}','{parent}','{scheduled}')

SELECT id FROM sys_invocation_status WHERE target_service_name = 'GoOrder' AND target_service_ty = 'workflow' AND target_service_key = 'w1' AND target_handler_name = 'run' LIMIT 1

SELECT id FROM sys_invocation_status WHERE target_service_name = 'GoOrder' AND target_service_ty = 'workflow' AND target_service_key = 'w1' AND target_handler_name <> 'run' ORDER BY created_at DESC NULLS LAST LIMIT 51

SELECT key, value FROM state WHERE service_name = 'GoStore' AND service_key = 'k1'

SELECT DISTINCT key FROM state WHERE service_name = 'GoStore' GROUP BY key

SELECT DISTINCT service_key FROM state WHERE "service_name" = 'GoStore' LIMIT 301

SELECT service_key, key, value_length, value FROM state WHERE service_name = 'GoStore' AND service_key IN ('k1') AND value_length <= 2048 LIMIT 1500

SELECT key, value_length, CASE WHEN value_length <= 65536 THEN value END AS value FROM state WHERE service_name = 'GoStore' AND service_key = 'k1' ORDER BY key LIMIT 101

WITH active_deployments AS ( SELECT DISTINCT deployment_id AS id FROM sys_service WHERE deployment_id IS NOT NULL UNION SELECT DISTINCT pinned_deployment_id AS id FROM sys_invocation_status WHERE pinned_deployment_id IS NOT NULL AND status != 'completed' ) SELECT d.id AS id FROM sys_deployment d EXCEPT SELECT id FROM active_deployments

SELECT p.invocations_per_sec, p.events_per_sec, p.actions_per_sec, p.invoker_mibps, p.slots_available, p.slots_used, n.ingress_mibps, n.connections, n.waiting, l.log_mibps FROM (SELECT coalesce(sum(invocations), 0) AS invocations_per_sec, coalesce(sum(events), 0) AS events_per_sec, coalesce(sum(actions), 0) AS actions_per_sec, coalesce(sum(invoker_to_service_throughput), 0) AS invoker_mibps, coalesce(sum(invoker_available_slots), 0) AS slots_available, coalesce(sum(invoker_used_slots), 0) AS slots_used FROM metrics_processor) p CROSS JOIN (SELECT coalesce(sum(throughput), 0) AS ingress_mibps, coalesce(sum(current_connections), 0) AS connections, coalesce(sum(waiting_invocations), 0) AS waiting FROM metrics_node) n CROSS JOIN (SELECT coalesce(sum(append_rate), 0) AS log_mibps FROM metrics_log) l

SELECT DISTINCT service_name FROM state ORDER BY service_name

SELECT service_name, COALESCE(SUM(value_length), 0) AS size FROM state GROUP BY service_name ORDER BY service_name

SELECT pattern, concurrency, description, disabled, version FROM sys_rules ORDER BY pattern ASC LIMIT 1001

SELECT scope, l1, l2, level, usage, concurrency_limit, rule_pattern, available, num_waiters FROM sys_user_limits WHERE rule_pattern IS NOT NULL ORDER BY COALESCE(num_waiters, 0) DESC, (concurrency_limit IS NULL) ASC, COALESCE(CAST(usage AS DOUBLE) / concurrency_limit, 0) DESC, COALESCE(rule_pattern, '') ASC, scope ASC, COALESCE(l1, '') ASC, COALESCE(l2, '') ASC LIMIT 1001

SELECT CASE WHEN completion_result = 'success' THEN 'succeeded' ELSE 'failed' END AS status, COUNT(1) AS count FROM ( SELECT completion_result FROM sys_invocation_status WHERE status = 'completed' LIMIT 50000 ) completed_invocations GROUP BY CASE WHEN completion_result = 'success' THEN 'succeeded' ELSE 'failed' END

SELECT service_key AS object_key, COUNT(*) AS backlog FROM sys_inbox WHERE service_name = 'GoStore' AND ( (service_key = 'k1') ) GROUP BY service_key

SELECT service_key AS object_key, invocation_id AS acquired_by FROM sys_keyed_service_status WHERE service_name = 'GoStore' AND invocation_id IS NOT NULL AND ( (service_key = 'k1') )

SELECT id FROM sys_invocation WHERE target_service_key = 'k1' AND target_service_name = 'GoStore' AND status NOT IN ('completed', 'pending', 'scheduled') AND target_handler_name IN ('hold', 'add', 'clear')

SELECT rule_pattern, COUNT(*) AS num_counters, SUM(CASE WHEN num_waiters > 0 THEN 1 ELSE 0 END) AS num_counters_with_waiters FROM sys_user_limits WHERE rule_pattern IN ('*') GROUP BY rule_pattern

# some
SELECT id, COUNT(*) AS workload FROM sys_vqueues WHERE stage IN ('inbox', 'running', 'suspended', 'paused') GROUP BY id ORDER BY workload DESC LIMIT 251

SELECT id, queue_is_paused, service_name, scope, limit_key, lock_name, last_enqueued_at, last_start_at, last_attempt_at, last_finish_at, avg_queue_duration, avg_inbox_duration, avg_run_duration, avg_suspension_duration, avg_end_to_end_duration, avg_blocked_on_concurrency_rules, avg_blocked_on_invoker_concurrency, avg_blocked_on_invoker_throttling, avg_blocked_on_lock, num_inbox, num_running, num_suspended, num_paused, num_finished FROM sys_vqueue_meta WHERE id IN ('vq_1a1mlWikgvPI4bED7aoi2YXOupkH2OwVvJ') ORDER BY (COALESCE(num_inbox, 0) + COALESCE(num_running, 0) + COALESCE(num_suspended, 0) + COALESCE(num_paused, 0)) DESC, GREATEST(last_enqueued_at, last_start_at, last_attempt_at, last_finish_at) DESC NULLS LAST, COALESCE(service_name, '') ASC, id ASC

# some
SELECT id, queue_is_paused, service_name, scope, limit_key, lock_name, last_enqueued_at, last_start_at, last_attempt_at, last_finish_at, avg_queue_duration, avg_inbox_duration, avg_run_duration, avg_suspension_duration, avg_end_to_end_duration, avg_blocked_on_concurrency_rules, avg_blocked_on_invoker_concurrency, avg_blocked_on_invoker_throttling, avg_blocked_on_lock, num_inbox, num_running, num_suspended, num_paused, num_finished FROM sys_vqueue_meta WHERE (COALESCE(num_inbox, 0) + COALESCE(num_running, 0) + COALESCE(num_suspended, 0) + COALESCE(num_paused, 0)) = 0 AND (queue_is_paused = true OR GREATEST(last_enqueued_at, last_start_at, last_attempt_at, last_finish_at) > now() - INTERVAL '24 hours') LIMIT 250

SELECT id, status, blocked_on, blocked_on_json, head_entry_id, scheduled_at, invoker_concurrency_block_duration, throttling_rules_block_duration, invoker_throttling_block_duration, invoker_memory_block_duration, concurrency_rules_block_duration, lock_block_duration, deployment_concurrency_block_duration FROM sys_scheduler WHERE id IN ('vq_1a1mlWikgvPI4bED7aoi2YXOupkH2OwVvJ', 'vq_1blpKRaNCCeZ0bKNwTCWJmUAC1I3qinVg1', 'vq_1jl9KWPiVstV2fwlNoWMSsne2Fh4IRB1aa', 'vq_12jJRXMK2CmJ5zXz4obBRysybkoG0Plbat', 'vq_1hRL05oqhNBF4OKGOTDAo7D93oHil98XpN', 'vq_1a1mlWikgvPI0elwHzial6RdLEZOtRI1FF', 'vq_1iBjFD2egCvh1icdmTRDv8Mvh1io900wj5', 'vq_10SHxgluLUdD4Tmrp2l1mBqDbMDaRhSaRW')

# Every column of every table that has rows.

SELECT id, target, target_service_name, target_service_key, target_handler_name, target_service_ty, idempotency_key, invoked_by, invoked_by_id, invoked_by_service_name, invoked_by_target, restarted_from, pinned_deployment_id, pinned_service_protocol_version, journal_size, journal_commands_size, created_at, modified_at, inboxed_at, scheduled_at, scheduled_start_at, running_at, completed_at, completion_retention, journal_retention, suspended_waiting_for_completions, suspended_waiting_for_signals, status, completion_result, completion_failure FROM sys_invocation

SELECT id, vqueue_id, status, completion_result, completion_failure, scope, limit_key, trace_id, created_using_restate_version, suspended_waiting_future_json FROM sys_invocation_status

SELECT id, in_flight, retry_count, last_start_at, last_attempt_deployment_id, last_attempt_server, next_retry_at, last_failure, last_failure_error_code, last_failure_related_command_index, last_failure_related_command_name, last_failure_related_command_type FROM sys_invocation_state

SELECT id, index, entry_type, name, completed, invoked_id, invoked_target, sleep_wakeup_at, promise_name, raw_length, version, appended_at FROM sys_journal WHERE id IN ('{done}', '{failed}', '{steps}', '{order}', '{parent}', '{held}')

SELECT index, entry_json, entry_lite_json FROM sys_journal WHERE id IN ('{steps}', '{order}') AND index > 0

SELECT index, entry_lite_json FROM sys_journal WHERE id = '{parent}' AND index > 0

# differs: span_context is left out of calls
SELECT index, entry_json FROM sys_journal WHERE id = '{parent}' AND index > 0

# differs: request headers stand in another order
SELECT entry_json, entry_lite_json FROM sys_journal WHERE id IN ('{steps}', '{parent}')

SELECT * FROM sys_journal_events

# differs: created_at is filled, and numbers begin with 1
SELECT * FROM sys_inbox

SELECT partition_key, service_name, service_key, id FROM sys_inbox

SELECT * FROM sys_keyed_service_status

SELECT scope, service_name, service_key, key, completed, completion_success_value, completion_success_value_utf8, completion_failure FROM sys_promise

SELECT service_name, service_key, key, key_length, value_utf8, value, value_length FROM state

SELECT * FROM sys_service

SELECT id, ty, endpoint, created_at, min_service_protocol_version, max_service_protocol_version, array_length(services) AS services FROM sys_deployment

SELECT table_name, column_name, ordinal_position, is_nullable, data_type FROM information_schema.columns WHERE table_schema = 'public'

SELECT table_schema, table_name, table_type FROM information_schema.tables

SELECT * FROM information_schema.schemata

DESCRIBE sys_invocation

SHOW COLUMNS FROM state

# Grouping, joining, sets and subqueries on real rows.

SELECT status, count(*) AS n FROM sys_invocation GROUP BY status ORDER BY n DESC, status

SELECT target_service_ty, count(*), count(DISTINCT target_service_name), min(journal_size), max(journal_size), sum(journal_size), avg(journal_size) FROM sys_invocation GROUP BY 1

SELECT target_service_name FROM sys_invocation GROUP BY target_service_name HAVING count(*) > 2

SELECT i.target, s.ty, s.public FROM sys_invocation i JOIN sys_service s ON s.name = i.target_service_name

SELECT s.name, i.id FROM sys_service s LEFT JOIN sys_invocation i ON i.target_service_name = s.name AND i.status = 'suspended'

SELECT i.id, s.name FROM sys_invocation i RIGHT JOIN sys_service s ON i.target_service_name = s.name WHERE i.id IS NULL OR i.status = 'paused'

SELECT i.id, j.index, j.entry_type FROM sys_invocation i JOIN sys_journal j ON j.id = i.id WHERE i.status = 'completed' AND i.target_service_name = 'GoBasic'

SELECT a.id, b.id FROM sys_invocation a, sys_invocation b WHERE a.target_service_key = b.target_service_key AND a.id <> b.id AND a.status = 'pending' AND b.status = 'running'

SELECT id FROM sys_invocation i WHERE EXISTS (SELECT 1 FROM sys_journal j WHERE j.id = i.id AND j.entry_type LIKE '%Run%')

SELECT id FROM sys_invocation i WHERE NOT EXISTS (SELECT 1 FROM sys_journal j WHERE j.id = i.id)

SELECT name, (SELECT count(*) FROM sys_invocation i WHERE i.target_service_name = s.name) AS n FROM sys_service s

SELECT id FROM sys_invocation WHERE journal_size = (SELECT max(journal_size) FROM sys_invocation)

SELECT name FROM sys_service EXCEPT SELECT target_service_name FROM sys_invocation

SELECT name FROM sys_service INTERSECT SELECT service_name FROM state

SELECT service_name FROM sys_inbox UNION SELECT service_name FROM state

WITH live AS (SELECT * FROM sys_invocation WHERE status <> 'completed'), named AS (SELECT id, target_service_name AS service FROM live) SELECT service, count(*) AS n FROM named GROUP BY service

SELECT DISTINCT target_service_name, status FROM sys_invocation

SELECT target_handler_name, row_number() OVER (PARTITION BY target_service_name ORDER BY target_handler_name, id) > 0 AS counted FROM sys_invocation

SELECT DISTINCT target_service_name, count(*) OVER (PARTITION BY target_service_name) AS n FROM sys_invocation

SELECT target_service_name, status, rank() OVER (PARTITION BY target_service_name ORDER BY status) AS r FROM sys_invocation

# Conditions.

SELECT id FROM sys_invocation WHERE id = '{done}' OR id = '{held}'

SELECT id FROM sys_invocation WHERE id LIKE 'inv_%' AND target LIKE 'GoStore/%/add'

SELECT id FROM sys_invocation WHERE target ILIKE '%ECHO' AND NOT (status = 'scheduled')

SELECT id FROM sys_invocation WHERE created_at > now() - INTERVAL '1 day' AND created_at <= now()

SELECT id FROM sys_invocation WHERE created_at < '2020-01-01T00:00:00Z'

SELECT id FROM sys_invocation WHERE completed_at - created_at < INTERVAL '1 hour'

SELECT id FROM sys_invocation WHERE journal_size BETWEEN 1 AND 3 AND status IN ('completed', 'paused')

SELECT id FROM sys_invocation WHERE idempotency_key = 'key-1'

SELECT id FROM sys_invocation WHERE target_service_key = 'a/b c' OR target_service_key IS NULL AND status = 'suspended'

SELECT id FROM sys_invocation WHERE completion_failure IS NOT NULL

SELECT id FROM sys_invocation WHERE completion_failure LIKE '[418]%'

SELECT id FROM sys_invocation WHERE status NOT IN ('completed', 'running')

SELECT id FROM sys_invocation WHERE target_service_name = 'GoBasic' AND target_handler_name NOT IN ('echo', 'fail')

SELECT id FROM sys_invocation_status WHERE status = 'invoked' AND target_service_ty = 'virtual_object'

SELECT key FROM state WHERE service_name = 'GoStore' AND service_key = 'k1' AND key > 'l' AND value_length > 5

SELECT key FROM state WHERE value_utf8 = '"Ada"'

SELECT service_key FROM state WHERE service_key LIKE 'a/%'

# differs: what is no ID is equal to none, and no error
SELECT id FROM sys_invocation WHERE id = 'no id at all'

SELECT id FROM sys_invocation WHERE id IN ('{done}') AND target_service_name = 'Nobody'

# Computed columns, their types and names.

SELECT id, status = 'completed' AS done, journal_size + 1 AS more, upper(status) AS loud, length(id) AS n, CASE WHEN status = 'completed' THEN 1 ELSE 0 END AS one FROM sys_invocation WHERE id = '{done}'

SELECT count(*), count(1), count(id), max(target), min(journal_size), sum(journal_size), first_value(target ORDER BY target) FROM sys_invocation

SELECT coalesce(target_service_key, 'none'), concat(target_service_name, '/', target_handler_name), substr(target, 1, 3) FROM sys_invocation

SELECT completion_retention, journal_retention, completion_retention > INTERVAL '1 hour' AS long FROM sys_invocation_status WHERE id = '{done}'

SELECT date_trunc('year', created_at) > '2020-01-01' AS recent, date_part('year', created_at) > 2020 AS also FROM sys_invocation WHERE id = '{done}'

SELECT array_length(suspended_waiting_for_completions) AS n, suspended_waiting_for_completions AS list FROM sys_invocation WHERE id = '{suspended}'

SELECT array_has(services, 'GoBasic') AS has, array_length(services) AS n FROM sys_deployment

SELECT unnest(services) AS service FROM sys_deployment

SELECT CAST(journal_size AS DOUBLE) / 2 AS half, CAST(journal_size AS VARCHAR) AS text, journal_size::bigint AS big FROM sys_invocation WHERE id = '{done}'

SELECT 1, 'a', 1.5, true, NULL, 1 + 1, 7 / 2, 7 % 3, -7 / 2, 'a' || 'b', 2 > 1 AND NOT false

SELECT NULL AND false AS a, NULL OR true AS b, NULL = NULL AS c, 1 IN (2, NULL) AS d, NULL IS NULL AS e

SELECT greatest(1, 2), least(1, 2), nullif(1, 1), abs(-1), round(2.5), floor(1.5), power(2, 3), char_length('abc')

SELECT regexp_replace('abc', 'b', 'x'), split_part('a.b', '.', 2), replace('aa', 'a', 'b'), trim(' a '), lpad('1', 3, '0'), strpos('abc', 'c')

SELECT * FROM (VALUES (1, 'x'), (2, NULL)) AS t(a, b)

SELECT 1 AS one UNION ALL SELECT 2

# Refused by both.

SELECT nothing FROM state

SELECT * FROM nothing

SELEC 1

SELECT id FROM sys_invocation WHERE

DELETE FROM state

DROP TABLE state

SELECT nothing(1)

SELECT id, count(*) FROM sys_invocation GROUP BY status

SELECT 1 / 0

SELECT sum(id) FROM sys_invocation
