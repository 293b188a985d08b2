package report

// Figure describes one kind of number. Key is its name in JSON.
type Figure struct {
	Key      string
	Title    string
	Decimals int
	Detail   bool // left out of the short table
	Compared bool // has a row in the comparison of servers
	Meaning  string
}

const errorsKey = "errors"

// Figures lists all kinds in the order of the columns.
var Figures = []Figure{
	{Key: "requests_per_second", Title: "req/s", Decimals: 0, Compared: true,
		Meaning: "calls answered as expected, per second"},
	{Key: "invocations", Title: "invocations", Decimals: 0,
		Meaning: "that were made before anything was asked"},
	{Key: "invocations_per_second", Title: "inv/s", Decimals: 0, Compared: true,
		Meaning: "invocations made and ended per second"},
	{Key: "p50_ms", Title: "p50 ms", Decimals: 2, Compared: true, Meaning: "median latency"},
	{Key: "p99_ms", Title: "p99 ms", Decimals: 2, Compared: true,
		Meaning: "99th percentile of the latency"},
	{Key: "p999_ms", Title: "p99.9 ms", Decimals: 2, Meaning: "99.9th percentile of the latency"},
	{Key: "max_ms", Title: "max ms", Decimals: 1, Meaning: "longest latency"},
	{Key: "rows", Title: "rows", Decimals: 0, Meaning: "of the answer"},
	{Key: "p50_beside", Title: "p50 beside", Decimals: 2,
		Meaning: "p50 with the queries divided by p50 without them in the same round"},
	{Key: "p99_beside", Title: "p99 beside", Decimals: 2,
		Meaning: "p99 with the queries divided by p99 without them in the same round"},
	{Key: "queries_answered", Title: "answered/s", Decimals: 1,
		Meaning: "queries that were answered per second"},
	{Key: "queries_refused", Title: "refused/s", Decimals: 1,
		Meaning: "queries that were refused per second: wrong, too large, or too many"},
	{Key: "offered_per_second", Title: "offered/s", Decimals: 0,
		Meaning: "open loop: calls that were due per second"},
	{Key: "lag_p99_ms", Title: "lag p99", Decimals: 2,
		Meaning: "open loop: how late the driver sent; contained in the latency"},
	{Key: "server_cpu_ms_per_request", Title: "CPU ms/req", Decimals: 3, Compared: true,
		Meaning: "user and system time of the server's processes per call"},
	{Key: "server_cpu_cores", Title: "cores", Decimals: 2, Detail: true,
		Meaning: "user and system time of the server's processes per second"},
	{Key: "rss_mib", Title: "RSS MiB", Decimals: 0, Compared: true,
		Meaning: "largest resident memory of the server seen in the run"},
	{Key: "device_flushes_per_request", Title: "flush/req", Decimals: 2,
		Meaning: "flushes of the whole device that holds the data, whoever asked, per call"},
	{Key: "sync_calls_per_request", Title: "sync/req", Decimals: 2, Compared: true,
		Meaning: "fsync, fdatasync, sync_file_range, msync and syncfs by the server per call, " +
			"counted by perf, or in a separate window under strace"},
	{Key: "written_kib_per_request", Title: "KiB/req", Decimals: 1, Compared: true,
		Meaning: "bytes the server caused to be written to storage per call"},
	{Key: "device_kib_per_request", Title: "device KiB/req", Decimals: 1, Detail: true,
		Meaning: "bytes written to the whole device, whoever wrote them, per call"},
	{Key: "voluntary_switches_per_request", Title: "switch/req", Decimals: 1,
		Meaning: "times a server thread went to sleep per call"},
	{Key: "involuntary_switches_per_request", Title: "preempt/req", Decimals: 2, Detail: true,
		Meaning: "times a server thread was preempted per call"},
	{Key: "service_cpu_ms_per_request", Title: "service CPU ms/req", Decimals: 3, Detail: true,
		Meaning: "user and system time of the process that runs the handlers, per call"},
	{Key: "health_seconds", Title: "health s", Decimals: 2, Compared: true,
		Meaning: "from the start of the process until both interfaces are healthy"},
	{Key: "answered_seconds", Title: "answered s", Decimals: 2, Compared: true,
		Meaning: "from the start of the process until the first call is answered"},
	{Key: "restart_health_seconds", Title: "restart health s", Decimals: 2,
		Meaning: "until healthy, on the same data after a gentle stop"},
	{Key: "restart_answered_seconds", Title: "restart answered s", Decimals: 2, Compared: true,
		Meaning: "until the first call is answered, on the same data after a gentle stop"},
	{Key: "idle_cpu_percent", Title: "CPU %", Decimals: 2, Compared: true,
		Meaning: "of one core, with the services registered and no calls"},
	{Key: "idle_switches_per_second", Title: "switch/s", Decimals: 0,
		Meaning: "times a server thread went to sleep per second"},
	{Key: "idle_flushes_per_second", Title: "flush/s", Decimals: 2,
		Meaning: "flushes of the whole device that holds the data, per second"},
	{Key: "data_mib", Title: "data MiB", Decimals: 1, Compared: true,
		Meaning: "space taken by the data directory"},
	{Key: "peak_rss_mib", Title: "peak RSS MiB", Decimals: 0, Compared: true,
		Meaning: "largest resident memory the server ever had, as the kernel keeps it"},
	{Key: "disk_bytes_per_call", Title: "disk B/call", Decimals: 0, Compared: true,
		Meaning: "growth of the data directory per finished call"},
	{Key: "write_amplification", Title: "write amp.", Decimals: 2, Compared: true,
		Meaning: "bytes the server caused to be written to storage per byte of input and output"},
	{Key: "datasync_p50_ms", Title: "fdatasync p50 ms", Decimals: 3,
		Meaning: "write of 256 bytes to a zeroed file and fdatasync, one after the other, median"},
	{Key: "datasync_p99_ms", Title: "fdatasync p99 ms", Decimals: 3,
		Meaning: "the same, 99th percentile"},
	{Key: "loopback_p50_ms", Title: "loopback p50 ms", Decimals: 3,
		Meaning: "round trip of 256 bytes over TCP on 127.0.0.1, median"},
	{Key: "loopback_p99_ms", Title: "loopback p99 ms", Decimals: 3,
		Meaning: "the same, 99th percentile"},
	{Key: errorsKey, Title: "errors", Decimals: 0,
		Meaning: "calls that failed or were wrong, in all rounds together"},
}
