package node

import (
	"reflect"
	"strings"
	"sync"
)

// Reasons why a known key is ignored.
const (
	reasonEngine    = "it tunes a storage engine this server does not use"
	reasonDetector  = "the failure detector of this server needs no such tuning"
	reasonMetadata  = "metadata is kept by the nodes themselves"
	reasonAutomatic = "this server sizes or schedules that by itself"
	reasonTelemetry = "this server sends no telemetry and looks for no updates"
	reasonUnused    = "this server has no such part"
	reasonSnapshots = "snapshots in an object store are not part of this build"
	reasonRetry     = "retries are spaced by default-retry-policy alone"
)

// ignoredKeys are the keys of the compatible configuration that are accepted without effect. A
// key stands for itself and everything below it; a star in front means any table, one at the end
// any continuation. A reason may be shown to users.
var ignoredKeys = []struct{ key, reason string }{
	{"*rocksdb-*", reasonEngine},
	{"worker.storage", reasonEngine},
	{"log-server", reasonEngine},
	{"bifrost.local", reasonEngine},
	{"storage-*", reasonEngine},
	{"gossip-*", reasonDetector},
	{"hlc-max-drift", reasonDetector},
	{"metadata-server", reasonMetadata},
	{"metadata-client.type", reasonMetadata},
	{"metadata-client.connect-timeout", reasonMetadata},
	{"metadata-client.keep-alive*", reasonMetadata},
	{"metadata-client.backoff-policy", reasonMetadata},
	{"metadata-client.message-size-limit", reasonMetadata},
	{"metadata-client.path", reasonMetadata},
	{"metadata-client.credentials", reasonMetadata},
	{"metadata-client.aws-*", reasonMetadata},
	{"metadata-client.object-store*", reasonMetadata},
	{"metadata-store*", reasonMetadata},
	{"metadata-update-interval", reasonMetadata},
	{"metadata-fetch-from-peer-timeout", reasonMetadata},
	{"metadata-migration-mode", reasonMetadata},
	{"force-node-id", reasonMetadata},
	{"admin.heartbeat-interval", reasonAutomatic},
	{"admin.disable-cluster-controller", reasonAutomatic},
	{"admin.log-trim-*", reasonAutomatic},
	{"admin.query-engine.tmp-dir", reasonAutomatic},
	{"admin.query-engine.rate-limiting", reasonAutomatic},
	{"bifrost.seal-retry-interval", reasonAutomatic},
	{"bifrost.auto-recovery-interval", reasonAutomatic},
	{"bifrost.append-retry*", reasonAutomatic},
	{"bifrost.read-retry-policy", reasonAutomatic},
	{"bifrost.record-cache-memory-size", reasonAutomatic},
	{"bifrost.disable-auto-improvement", reasonAutomatic},
	{"bifrost.replicated-loglet", reasonAutomatic},
	{"networking.connect-retry-policy", reasonAutomatic},
	{"networking.http2-keep-alive*", reasonAutomatic},
	{"networking.fabric-memory-limit", reasonAutomatic},
	{"networking.disable-compression", reasonAutomatic},
	{"networking.data-stream-window-size", reasonAutomatic},
	{"ingress.ingestion", reasonAutomatic},
	{"default-thread-pool-size", reasonAutomatic},
	{"storage-high-priority-bg-threads", reasonAutomatic},
	{"storage-low-priority-bg-threads", reasonAutomatic},
	{"worker.trim-delay-interval", reasonAutomatic},
	{"worker.self-proposal-queue-memory-limit", reasonAutomatic},
	{"worker.rule-book-poll-interval", reasonAutomatic},
	{"worker.num-timers-in-memory-limit", reasonAutomatic},
	{"worker.durability-mode", reasonSnapshots},
	{"worker.snapshots", reasonSnapshots},
	{"worker.invoker.retry-policy", reasonRetry},
	{"worker.invoker.tmp-dir", reasonUnused},
	{"default-retry-policy.type", reasonRetry},
	{"disable-telemetry", reasonTelemetry},
	{"disable-config-sql-table", reasonUnused},
}

// ignored looks a key up, written in full with hyphens or underscores.
func ignored(key string) (reason string, ok bool) {
	key = normalKey(key)
	last := key[strings.LastIndexByte(key, '.')+1:]
	for _, entry := range ignoredKeys {
		pattern, subject := entry.key, key
		if strings.HasPrefix(pattern, "*") {
			pattern, subject = pattern[1:], last
		}
		prefix, open := strings.CutSuffix(pattern, "*")
		switch {
		case subject == pattern,
			strings.HasPrefix(subject, pattern+"."),
			open && strings.HasPrefix(subject, prefix):
			return entry.reason, true
		}
	}
	return "", false
}

// knownKeys are all keys with an effect, in full.
var knownKeys = sync.OnceValue(func() []string {
	return appendKeys(nil, "", reflect.ValueOf(&Config{}).Elem())
})

func appendKeys(keys []string, prefix string, v reflect.Value) []string {
	if _, ok := v.Addr().Interface().(listening); ok {
		keys = append(keys, prefix+"bind-address")
	}
	for _, f := range fieldsOf(v) {
		keys = append(keys, prefix+f.key)
		if f.table() {
			keys = appendKeys(keys, prefix+f.key+".", f.value)
		}
	}
	return keys
}

// nearest is the known key most like key: one of the same name in another table, or one a few
// letters away; "" if there is none.
func nearest(key string, known []string) string {
	key = normalKey(key)
	last := key[strings.LastIndexByte(key, '.')+1:]
	best, bestDistance := "", max(2, len(key)/5)+1
	for _, k := range known {
		if strings.HasSuffix("."+normalKey(k), "."+last) {
			return k
		}
		if d := editDistance(key, normalKey(k)); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best
}

// editDistance is how many letters must be put in, taken out or changed to turn a into b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
