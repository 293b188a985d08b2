package report

// Figure describes one kind of number. Key is its name in JSON.
type Figure struct {
	Key      string
	Title    string
	Decimals int
	Detail   bool // left out of the short table
	Meaning  string
}

const errorsKey = "errors"

// Figures lists all kinds in the order of the columns.
var Figures = []Figure{
	{Key: "requests_per_second", Title: "req/s", Decimals: 0,
		Meaning: "calls answered as expected, per second"},
	{Key: "p50_ms", Title: "p50 ms", Decimals: 2, Meaning: "median latency"},
	{Key: "p99_ms", Title: "p99 ms", Decimals: 2, Meaning: "99th percentile of the latency"},
	{Key: "p999_ms", Title: "p99.9 ms", Decimals: 2, Meaning: "99.9th percentile of the latency"},
	{Key: "max_ms", Title: "max ms", Decimals: 1, Meaning: "longest latency"},
	{Key: "lag_p99_ms", Title: "lag p99", Decimals: 2,
		Meaning: "open loop: how late the driver sent; contained in the latency"},
	{Key: "server_cpu_ms_per_request", Title: "CPU ms/req", Decimals: 3,
		Meaning: "user and system time of the server's processes per call"},
	{Key: "server_cpu_cores", Title: "cores", Decimals: 2, Detail: true,
		Meaning: "user and system time of the server's processes per second"},
	{Key: "rss_mib", Title: "RSS MiB", Decimals: 0,
		Meaning: "largest resident memory of the server seen in the run"},
	{Key: "device_flushes_per_request", Title: "flush/req", Decimals: 2,
		Meaning: "flushes of the whole device that holds the data, whoever asked, per call"},
	{Key: "sync_calls_per_request", Title: "sync/req", Decimals: 2,
		Meaning: "fsync, fdatasync, sync_file_range, msync and syncfs by the server per call, " +
			"counted in a separate window under strace"},
	{Key: "written_kib_per_request", Title: "KiB/req", Decimals: 1,
		Meaning: "bytes the server caused to be written to storage per call"},
	{Key: "device_kib_per_request", Title: "device KiB/req", Decimals: 1, Detail: true,
		Meaning: "bytes written to the whole device, whoever wrote them, per call"},
	{Key: "voluntary_switches_per_request", Title: "switch/req", Decimals: 1,
		Meaning: "times a server thread went to sleep per call"},
	{Key: "involuntary_switches_per_request", Title: "preempt/req", Decimals: 2, Detail: true,
		Meaning: "times a server thread was preempted per call"},
	{Key: "service_cpu_ms_per_request", Title: "service CPU ms/req", Decimals: 3, Detail: true,
		Meaning: "user and system time of the process that runs the handlers, per call"},
	{Key: "health_seconds", Title: "health s", Decimals: 2,
		Meaning: "from the start of the process until both interfaces are healthy"},
	{Key: "answered_seconds", Title: "answered s", Decimals: 2,
		Meaning: "from the start of the process until the first call is answered"},
	{Key: "restart_health_seconds", Title: "restart health s", Decimals: 2,
		Meaning: "until healthy, on the same data after a gentle stop"},
	{Key: "restart_answered_seconds", Title: "restart answered s", Decimals: 2,
		Meaning: "until the first call is answered, on the same data after a gentle stop"},
	{Key: "idle_cpu_percent", Title: "CPU %", Decimals: 2,
		Meaning: "of one core, with the services registered and no calls"},
	{Key: "idle_switches_per_second", Title: "switch/s", Decimals: 0,
		Meaning: "times a server thread went to sleep per second"},
	{Key: "idle_flushes_per_second", Title: "flush/s", Decimals: 2,
		Meaning: "flushes of the whole device that holds the data, per second"},
	{Key: "data_mib", Title: "data MiB", Decimals: 1, Meaning: "space taken by the data directory"},
	{Key: errorsKey, Title: "errors", Decimals: 0,
		Meaning: "calls that failed or were wrong, in all rounds together"},
}
