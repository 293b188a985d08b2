package node

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/ingress"
	"github.com/perdure/perdure/invoker"
	"github.com/perdure/perdure/protocol"
)

// metrics are the numbers a node shows at /metrics. Names that the reference server has too mean
// the same.
type metrics struct {
	registry *prometheus.Registry

	ingressRequests  *prometheus.CounterVec
	ingressDurations prometheus.Histogram
	attempts         *prometheus.CounterVec
	slotsRunning     prometheus.Gauge
	slotsWaiting     prometheus.Gauge
	entries          prometheus.Counter
	entryBytes       prometheus.Counter
	records          prometheus.Counter
	applyDurations   prometheus.Histogram
	leaders          prometheus.Gauge
	leadersLost      prometheus.Counter
	timersFired      prometheus.Counter
	faults           prometheus.Counter
	stalls           prometheus.Counter
}

func newMetrics(cluster, node string) *metrics {
	labels := prometheus.Labels{"cluster_name": cluster, "node_name": node}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels})
	}
	counters := func(name, help string, by ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(
			prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, by)
	}
	histogram := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: name, Help: help, ConstLabels: labels,
			Buckets: prometheus.ExponentialBuckets(0.00005, 2, 20), // 50 us to 26 s
		})
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		ingressRequests: counters("restate_ingress_requests_total",
			"Requests served by the ingress.", "rpc_type", "status"),
		ingressDurations: histogram("restate_ingress_request_duration_seconds",
			"Time from a request's arrival to its answer."),
		attempts: counters("restate_invoker_invocation_tasks_total",
			"Attempts at running invocations.", "status"),
		slotsRunning: gauge("restate_invoker_concurrency_slots_acquired", "Attempts that run now."),
		slotsWaiting: gauge("perdure_invoker_waiting", "Attempts that wait for a slot."),
		entries:      counter("perdure_log_entries_total", "Entries proposed to the replicated logs."),
		entryBytes:   counter("perdure_log_entry_bytes_total", "Bytes of those entries, as stored."),
		records:      counter("perdure_partition_records_total", "Commands applied by partitions."),
		applyDurations: histogram("restate_partition_apply_command_duration_seconds",
			"Time to apply one batch of commands."),
		leaders:     gauge("restate_num_active_partition_leaders", "Partitions this node leads."),
		leadersLost: counter("perdure_leaderships_lost_total", "Leaderships that ended."),
		timersFired: counter("perdure_timers_fired_total", "Timers that fell due."),
		stalls: counter("perdure_stalls_found_total",
			"Invocations found that nothing would bring on."),
		faults: counter("perdure_partition_faults_total", "Faults of partitions, retried."),
	}
	m.registry.MustRegister(m.ingressRequests, m.ingressDurations, m.attempts, m.slotsRunning,
		m.slotsWaiting, m.entries, m.entryBytes, m.records, m.applyDurations, m.leaders,
		m.leadersLost, m.timersFired, m.faults, m.stalls,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *metrics) logEvents() bifrost.Events {
	return bifrost.Events{
		EntryProposed: func(_ bifrost.LogID, e bifrost.EntryInfo) {
			m.entries.Inc()
			m.entryBytes.Add(float64(e.EntryBytes))
		},
	}
}

func (m *metrics) ingressEvents() ingress.Events {
	return ingress.Events{Served: func(kind ingress.RequestKind, status int, took time.Duration) {
		m.ingressRequests.WithLabelValues(string(kind), strconv.Itoa(status)).Inc()
		m.ingressDurations.Observe(took.Seconds())
	}}
}

func (m *metrics) invokerEvents() invoker.Events {
	return invoker.Events{
		AttemptStarted: func(invoker.AttemptStarted) { m.attempts.WithLabelValues("started").Inc() },
		AttemptFailed:  func(invoker.AttemptFailed) { m.attempts.WithLabelValues("failed").Inc() },
		AttemptEnded: func(e invoker.AttemptEnded) {
			status := "completed"
			if e.Suspended {
				status = "suspended"
			}
			m.attempts.WithLabelValues(status).Inc()
		},
		SlotsChanged: func(s invoker.SlotsChanged) {
			m.slotsRunning.Set(float64(s.Running))
			m.slotsWaiting.Set(float64(s.Waiting))
		},
	}
}

func (m *metrics) applied(_ protocol.PartitionID, records int, took time.Duration) {
	m.records.Add(float64(records))
	m.applyDurations.Observe(took.Seconds())
}
