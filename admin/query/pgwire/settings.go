package pgwire

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/perdure/perdure/admin/query/sql"
)

// ServerVersion is the version of PostgreSQL that clients are told: they ask for no columns and
// functions of later ones.
const ServerVersion = "15.0"

// defaults are the settings there are. Most change nothing here; clients set them all the same.
var defaults = map[string]string{
	"application_name": "", "bytea_output": "hex", "client_encoding": "UTF8",
	"client_min_messages": "notice", "datestyle": "ISO, MDY", "default_transaction_isolation": "repeatable read",
	"default_transaction_read_only": "on", "default_transaction_deferrable": "off",
	"enable_bitmapscan": "on", "enable_hashjoin": "on", "enable_indexscan": "on",
	"enable_mergejoin": "on", "enable_nestloop": "on", "enable_seqscan": "on",
	"escape_string_warning": "on", "extra_float_digits": "1", "geqo": "on",
	"idle_in_transaction_session_timeout": "0", "idle_session_timeout": "0", "in_hot_standby": "off",
	"integer_datetimes": "on", "intervalstyle": "postgres", "is_superuser": "off", "jit": "off",
	"lc_collate": "C", "lc_ctype": "C", "lc_messages": "C", "lc_monetary": "C", "lc_numeric": "C", "lc_time": "C",
	"lock_timeout": "0", "log_min_duration_statement": "-1", "log_statement": "none",
	"max_identifier_length": "63", "max_index_keys": "32", "password_encryption": "scram-sha-256",
	"plan_cache_mode": "auto", "random_page_cost": "4", "row_security": "on", "search_path": `"$user", public`,
	"server_encoding": "UTF8", "server_version": ServerVersion, "server_version_num": "150000",
	"session_authorization": "", "role": "none", "ssl_renegotiation_limit": "0",
	"standard_conforming_strings": "on", "statement_timeout": "0", "synchronous_commit": "on",
	"synchronize_seqscans": "on", "tcp_keepalives_idle": "0", "tcp_keepalives_interval": "0",
	"timezone": "UTC", "transaction_isolation": "repeatable read", "transaction_read_only": "on",
	"transaction_deferrable": "off", "vacuum_cost_delay": "0", "work_mem": "4MB", "xmloption": "content",
	"array_nulls": "on", "backslash_quote": "safe_encoding", "quote_all_identifiers": "off",
	"max_parallel_workers_per_gather": "0", "ssl": "off",
}

// reported are the settings that clients are told of without asking.
var reported = []string{
	"server_version", "server_encoding", "client_encoding", "application_name",
	"default_transaction_read_only", "in_hot_standby", "is_superuser", "session_authorization",
	"datestyle", "intervalstyle", "timezone", "integer_datetimes", "standard_conforming_strings",
}

// spelled is how a setting is written where clients look for it letter by letter.
func spelled(name string) string {
	switch name {
	case "datestyle":
		return "DateStyle"
	case "intervalstyle":
		return "IntervalStyle"
	case "timezone":
		return "TimeZone"
	}
	return name
}

// fixed are the settings that are what they are.
var fixed = map[string]bool{
	"server_version": true, "server_version_num": true, "server_encoding": true, "in_hot_standby": true,
	"integer_datetimes": true, "is_superuser": true, "lc_collate": true, "lc_ctype": true,
	"max_identifier_length": true, "max_index_keys": true, "ssl": true,
}

// settings are those of one session.
type settings struct {
	mu     sync.Mutex
	values map[string]string // guarded by mu
	before map[string]string // guarded by mu; at the start of the session, for RESET
	// saved are the values when the transaction began, and local those that are to come back at its end.
	saved map[string]string // guarded by mu; nil: none
	local map[string]bool   // guarded by mu
}

func newSettings(user string) *settings {
	s := &settings{values: maps.Clone(defaults)}
	s.values["session_authorization"] = user
	return s
}

// start takes what a client sets when it connects.
func (s *settings) start(params map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(params)) {
		switch name {
		case "user", "database", "replication", "options":
			continue
		}
		if strings.HasPrefix(name, "_pq_.") {
			continue
		}
		if _, err := s.set(strings.ToLower(name), params[name], false); err != nil {
			return err
		}
	}
	words := strings.Fields(params["options"]) // -c name=value, --name=value
	for i, w := range words {
		w, short := strings.CutPrefix(w, "-c")
		if short && w == "" && i+1 < len(words) {
			w = words[i+1]
		}
		w, long := strings.CutPrefix(w, "--")
		name, value, ok := strings.Cut(w, "=")
		if !ok || !short && !long {
			continue
		}
		name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
		if _, err := s.set(name, strings.ReplaceAll(value, `\`, ""), false); err != nil {
			return err
		}
	}
	s.before = maps.Clone(s.values)
	return nil
}

func (s *settings) get(name string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok := s.values[strings.ToLower(name)]
	return value, ok
}

// all are all settings, in the order of their names.
func (s *settings) all() (list [][2]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(s.values)) {
		list = append(list, [2]string{spelled(name), s.values[name]})
	}
	return list
}

// set sets a setting. The notice is what the client should know about it.
func (s *settings) set(name, value string, local bool) (notice string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, known := s.values[name]
	switch {
	case strings.Contains(name, "."): // of an extension, or of the client's own
	case !known:
		return "", sql.Errorf(stateNoSetting, -1, "there is no setting %q", name).With("SHOW ALL lists them")
	case fixed[name]:
		return "", sql.Errorf("55P02", -1, "the setting %q cannot be changed", name)
	}
	if value, notice, err = checked(name, value); err != nil {
		return "", err
	}
	if local && s.saved == nil {
		return "SET LOCAL has no effect outside of a transaction", nil
	}
	if local {
		s.local[name] = true
	} else {
		delete(s.local, name)
	}
	if value != old || !known {
		s.values[name] = value
	}
	return notice, nil
}

// checked is a value as it is kept.
func checked(name, value string) (kept, notice string, err error) {
	switch name {
	case "client_encoding":
		switch strings.ToUpper(strings.NewReplacer("-", "", "_", "").Replace(value)) {
		case "UTF8", "UNICODE":
			return "UTF8", "", nil
		case "SQLASCII":
			return "SQL_ASCII", "", nil // which means: as it comes
		}
		return "", "", sql.Errorf("22023", -1, "the encoding %q is not supported", value).With("use UTF8")
	case "timezone":
		if !utc(value) {
			return "UTC", "times are in UTC, whatever the time zone of the session", nil
		}
		return "UTC", "", nil
	case "datestyle":
		if !strings.HasPrefix(strings.ToUpper(value), "ISO") {
			return defaults[name], "dates are always in the style ISO", nil
		}
	case "intervalstyle":
		if value != "postgres" {
			return defaults[name], "intervals are always in the style postgres", nil
		}
	case "statement_timeout":
		if _, err := timeout(value); err != nil {
			return "", "", err
		}
	}
	return value, "", nil
}

func utc(zone string) bool {
	switch strings.ToUpper(zone) {
	case "UTC", "GMT", "ETC/UTC", "ETC/GMT", "ETC/UCT", "UCT", "ZULU", "Z", "0", "DEFAULT", "UNIVERSAL", "LOCAL":
		return true
	}
	return false
}

// timeout reads a length of time as PostgreSQL does: milliseconds, or with a unit.
func timeout(value string) (time.Duration, error) {
	text := strings.ReplaceAll(strings.TrimSpace(value), " ", "")
	if n, err := strconv.ParseInt(text, 10, 32); err == nil && n >= 0 {
		return time.Duration(n) * time.Millisecond, nil
	}
	d, err := time.ParseDuration(strings.Replace(text, "min", "m", 1))
	if err != nil || d < 0 {
		return 0, sql.Errorf("22023", -1, "%q is not a length of time", value).With(`write "30s" or milliseconds`)
	}
	return d, nil
}

// statementTimeout is how long a statement may take; 0: as long as the engine lets it.
func (s *settings) statementTimeout() time.Duration {
	value, _ := s.get("statement_timeout")
	d, _ := timeout(value) // it was read before
	return d
}

// reset sets one setting, or "all", as it was when the session began.
func (s *settings) reset(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name == "all" {
		s.values = maps.Clone(s.before)
		return nil
	}
	value, known := s.before[name]
	if !known {
		if _, own := s.values[name]; !own {
			return sql.Errorf(stateNoSetting, -1, "there is no setting %q", name).With("SHOW ALL lists them")
		}
		delete(s.values, name)
		return nil
	}
	s.values[name] = value
	return nil
}

// begin and end stand around a transaction: what was set in it is undone if it is rolled back.
func (s *settings) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved, s.local = maps.Clone(s.values), map[string]bool{}
}

func (s *settings) end(commit bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.saved == nil:
	case !commit:
		s.values = s.saved
	default:
		for name := range s.local {
			if value, ok := s.saved[name]; ok {
				s.values[name] = value
			} else {
				delete(s.values, name)
			}
		}
	}
	s.saved, s.local = nil, nil
}
