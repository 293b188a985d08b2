package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/bench/load"
	"github.com/perdure/perdure/bench/report"
	"github.com/perdure/perdure/bench/workload"
)

// Limits of the command line.
const (
	maxRounds      = 1000
	maxServers     = 16
	maxInvocations = 100_000_000
	maxQueries     = 1000
)

// How servers live: one process per round, or one per measurement.
const (
	processKept  = "kept"
	processFresh = "fresh"
)

// defaultScenarios take seconds each, also on a slow server.
const defaultScenarios = "three-step,echo,counter-hot,counter-1000"

const (
	openLoopClients = 256 // connections of an open loop unless --clients says otherwise
	fillClients     = 32  // that make the calls before a kill
	stockClients    = 8   // that make invocations to be asked about, many with each call
	besideRate      = 150 // calls per second beside queries
	besideClients   = 128 // connections of that open loop
	maxShare        = 2   // of the peak: beyond it, a closed loop tells as much
)

// config is a command line that was checked.
type config struct {
	kind    string
	servers []server

	scenarios  []string
	clients    []int
	rate       float64
	shares     []float64 // of each server's peak, in open loops
	payloads   []int     // bytes
	duration   time.Duration
	warmup     time.Duration
	rounds     int
	process    string
	strace     bool
	profileDir string
	traceTime  time.Duration
	timeout    time.Duration

	settle        time.Duration
	idleTime      time.Duration
	besideTime    time.Duration
	besideClients int
	invocations   uint64
	fillClients   int
	fillTime      time.Duration
	queries       int // clients that ask heavy queries at once
	answerTimeout time.Duration

	dataDir  string
	jsonPath string
	outPath  string
}

// texts are flags that need more than the flag package to be understood.
type texts struct {
	servers        []string
	peers          []string
	nodes          int
	ingress, admin string
	pid            int
	scenarios      string
	clients        string
	shares         string
	payloads       string
	noFloor        bool
}

func parse(kind string, args []string, stderr io.Writer) (config, error) {
	cfg, raw := config{kind: kind}, texts{}
	flags := flag.NewFlagSet("bench "+kind, flag.ContinueOnError)
	flags.SetOutput(stderr)
	defineServerFlags(flags, &cfg, &raw)
	switch kind {
	case "run":
		defineRunFlags(flags, &cfg, &raw)
	case "idle":
		flags.DurationVar(&cfg.idleTime, "duration", 30*time.Second, "how long to watch it idle")
		flags.DurationVar(&cfg.settle, "settle", 5*time.Second, "wait after the first answer")
	case "recovery":
		defineFillFlags(flags, &cfg)
		flags.IntVar(&cfg.fillClients, "clients", fillClients, "clients that make these calls")
	case sqlCommand:
		defineSQLFlags(flags, &cfg)
	case report.KindAll:
		defineAllFlags(flags, &cfg, &raw)
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return config{}, err
		}
		return config{}, usageError{err}
	}
	if flags.NArg() > 0 {
		return config{}, usageError{fmt.Errorf("unexpected argument %q", flags.Arg(0))}
	}
	if err := cfg.finish(raw); err != nil {
		return config{}, usageError{err}
	}
	return cfg, nil
}

func defineServerFlags(flags *flag.FlagSet, cfg *config, raw *texts) {
	add := func(to *[]string) func(string) error {
		return func(text string) error { *to = append(*to, text); return nil }
	}
	flags.Func("server", "a server to start; see the usage; repeatable", add(&raw.servers))
	flags.Func("peer", "the same, measured after the servers: restate", add(&raw.peers))
	flags.StringVar(&raw.ingress, "ingress", "", "`URL` of the ingress of a running server")
	flags.StringVar(&raw.admin, "admin", "", "`URL` of the admin interface of a running server")
	flags.IntVar(&raw.pid, "pid", 0, "process of the running server")
	flags.IntVar(&raw.nodes, "nodes", 0, "number of nodes of every cluster, "+
		"unless it is 0; clusters have 3 or what their nodes=N says")
	flags.IntVar(&cfg.rounds, "rounds", 3, "times to measure everything, servers in turn")
	flags.StringVar(&cfg.dataDir, "data-dir", os.TempDir(),
		"`directory` below which servers keep data")
	flags.StringVar(&cfg.jsonPath, "json", "", "`file` to write the report to as JSON")
	flags.StringVar(&cfg.outPath, "out", "",
		"write the report to `path`.json, path.md, path.html and path.bench")
	flags.DurationVar(&cfg.timeout, "timeout", time.Minute, "longest wait for an answer")
	flags.DurationVar(&cfg.answerTimeout, "answer-timeout", 3*time.Minute,
		"longest wait for the first answered call after a start")
}

func defineFillFlags(flags *flag.FlagSet, cfg *config) {
	flags.Uint64Var(&cfg.invocations, "invocations", 100_000, "calls to finish before the kill")
}

func defineLoadFlags(flags *flag.FlagSet, cfg *config) {
	flags.DurationVar(&cfg.duration, "duration", 10*time.Second, "length of a measurement")
	flags.DurationVar(&cfg.warmup, "warmup", 2*time.Second, "load before it that does not count")
	flags.BoolVar(&cfg.strace, "strace", false,
		"count flush calls with strace in a window of their own, not with perf beside")
	flags.StringVar(&cfg.profileDir, "profile", "",
		"`directory` for a CPU profile of every case, of servers that offer it (/debug/pprof)")
	flags.DurationVar(&cfg.traceTime, "trace-duration", 3*time.Second,
		"length of the windows in which strace counts and profiles are taken")
}

func defineAllFlags(flags *flag.FlagSet, cfg *config, raw *texts) {
	defineLoadFlags(flags, cfg)
	defineFillFlags(flags, cfg)
	flags.DurationVar(&cfg.idleTime, "idle-duration", 30*time.Second, "how long to watch it idle")
	flags.DurationVar(&cfg.settle, "settle", 5*time.Second, "wait before that")
	flags.BoolVar(&raw.noFloor, "no-floor", false, "do not measure the floor")
	flags.BoolFunc("quick", "one short round, to see that everything works; later flags win",
		func(string) error {
			cfg.rounds, cfg.duration, cfg.warmup = 1, time.Second, 200*time.Millisecond
			cfg.idleTime, cfg.settle, cfg.invocations = 2*time.Second, time.Second, 2000
			return nil
		})
	cfg.process, cfg.fillClients = processKept, fillClients
}

func defineSQLFlags(flags *flag.FlagSet, cfg *config) {
	flags.Uint64Var(&cfg.invocations, "invocations", 1_000_000, "invocations to ask about")
	flags.IntVar(&cfg.fillClients, "clients", stockClients, "clients that make them")
	flags.DurationVar(&cfg.fillTime, "fill-time", 0,
		"make no more after this time, on each server; 0: make all")
	flags.DurationVar(&cfg.duration, "duration", 3*time.Second,
		"how long to ask each question; once at least")
	flags.DurationVar(&cfg.besideTime, "beside-duration", 15*time.Second,
		"how long to make calls beside heavy queries, and as long without")
	flags.Float64Var(&cfg.rate, "rate", besideRate, "these calls per second, in an open loop")
	flags.IntVar(&cfg.besideClients, "beside-clients", besideClients, "connections for these calls")
	flags.IntVar(&cfg.queries, "queries", 100, "clients that ask heavy queries; 0: none, and no calls")
	flags.DurationVar(&cfg.warmup, "warmup", time.Second, "before it, with and without; does not count")
}

func defineRunFlags(flags *flag.FlagSet, cfg *config, raw *texts) {
	defineLoadFlags(flags, cfg)
	flags.StringVar(&raw.scenarios, "scenarios", defaultScenarios,
		"scenarios to run, of "+strings.Join(workload.Names(), ", "))
	flags.StringVar(&raw.clients, "clients", "", "numbers of clients (default 1,32; "+
		strconv.Itoa(openLoopClients)+" with --rate)")
	flags.Float64Var(&cfg.rate, "rate", 0,
		"calls per second in an open loop; 0: each client calls again when it is answered")
	flags.StringVar(&raw.shares, "peak-shares", "",
		"shares of each server's own peak in this round, such as 0.5,0.8, to measure in open loops")
	flags.StringVar(&raw.payloads, "payload", strconv.Itoa(workload.DefaultPayload),
		"sizes of the input of echo and three-step, such as 32,1KiB,1MiB")
	flags.StringVar(&cfg.process, "process", processKept,
		"kept: one server process per round, the others idle beside it; fresh: one per measurement")
}

// finish reads what is left as text and reports every mistake at once.
func (c *config) finish(raw texts) error {
	var problems []error
	note := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	if c.kind == report.KindAll {
		raw = raw.withDefaultServers()
	}
	note(c.readServers(raw))
	note(positive("--timeout", c.timeout))
	note(positive("--answer-timeout", c.answerTimeout))
	if c.rounds < 1 || c.rounds > maxRounds {
		note(fmt.Errorf("--rounds %d: give a number from 1 to %d", c.rounds, maxRounds))
	}
	switch c.kind {
	case "run":
		note(c.finishRun(raw))
	case "idle":
		note(positive("--duration", c.idleTime))
	case "recovery":
		note(c.checkFill())
	case sqlCommand:
		note(c.finishSQL())
	case report.KindAll:
		note(c.checkLoad())
		note(positive("--idle-duration", c.idleTime))
		note(c.checkFill())
	}
	return errors.Join(problems...)
}

func (c *config) checkFill() error {
	if c.invocations < 1 || c.invocations > maxInvocations {
		return fmt.Errorf("--invocations %d: give a number from 1 to %d",
			c.invocations, maxInvocations)
	}
	if c.fillClients < 1 || c.fillClients > load.MaxClients {
		return fmt.Errorf("--clients %d: give a number from 1 to %d",
			c.fillClients, load.MaxClients)
	}
	return nil
}

func (c *config) finishSQL() error {
	problems := []error{
		c.checkFill(), positive("--duration", c.duration),
		positive("--beside-duration", c.besideTime),
	}
	if c.fillTime < 0 || c.warmup < 0 {
		problems = append(problems, errors.New("--fill-time and --warmup must not be negative"))
	}
	if !(c.rate > 0 && c.rate <= load.MaxRate) {
		problems = append(problems, fmt.Errorf("--rate %g: give a number above 0 and up to %d",
			c.rate, load.MaxRate))
	}
	if c.besideClients < 1 || c.besideClients > load.MaxClients {
		problems = append(problems, fmt.Errorf("--beside-clients %d: give a number from 1 to %d",
			c.besideClients, load.MaxClients))
	}
	if c.queries < 0 || c.queries > maxQueries {
		problems = append(problems, fmt.Errorf("--queries %d: give a number from 0 to %d",
			c.queries, maxQueries))
	}
	for i := range c.servers {
		c.servers[i].Spec = c.servers[i].withDefaultPartitions(stockPartitions)
	}
	return errors.Join(problems...)
}

func (c *config) checkLoad() error {
	problems := []error{positive("--duration", c.duration)}
	if c.warmup < 0 || c.traceTime <= 0 {
		problems = append(problems, errors.New("--warmup must not be negative, nor --trace-duration 0"))
	}
	return errors.Join(problems...)
}

func (c *config) finishRun(raw texts) error {
	problems := []error{c.checkLoad(), c.readClients(raw), c.readPayloads(raw)}
	for _, name := range strings.Split(raw.scenarios, ",") {
		name = strings.TrimSpace(name)
		if _, err := workload.New(name, workload.Config{Clients: 1}); err != nil {
			problems = append(problems, err)
		}
		c.scenarios = append(c.scenarios, name)
	}
	if !(c.rate >= 0 && c.rate <= load.MaxRate) {
		problems = append(problems, fmt.Errorf("--rate %g: give a number from 0 to %d",
			c.rate, load.MaxRate))
	}
	for _, text := range fields(raw.shares) {
		share, err := strconv.ParseFloat(text, 64)
		if err != nil || !(share > 0 && share <= maxShare) || c.rate > 0 {
			problems = append(problems, fmt.Errorf("--peak-shares %s: give numbers above 0 and up "+
				"to %d, and no --rate", raw.shares, maxShare))
			break
		}
		c.shares = append(c.shares, share)
	}
	if c.process != processKept && c.process != processFresh {
		problems = append(problems, fmt.Errorf("--process %s: use %s or %s",
			c.process, processKept, processFresh))
	}
	return errors.Join(problems...)
}

func (c *config) readClients(raw texts) error {
	if raw.clients == "" {
		raw.clients = "1,32"
		if c.rate > 0 {
			raw.clients = strconv.Itoa(openLoopClients)
		}
	}
	for _, text := range fields(raw.clients) {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > load.MaxClients {
			return fmt.Errorf("--clients %s: give numbers from 1 to %d", raw.clients, load.MaxClients)
		}
		c.clients = append(c.clients, n)
	}
	return nil
}

func (c *config) readPayloads(raw texts) error {
	for _, text := range fields(raw.payloads) {
		n, err := parseSize(text)
		if err != nil || n < 0 || n > workload.MaxPayload {
			return fmt.Errorf("--payload %s: give numbers from 0 to %d, with KiB or MiB if you like",
				raw.payloads, workload.MaxPayload)
		}
		c.payloads = append(c.payloads, n)
	}
	return nil
}

// fields splits a list at commas; an empty text is an empty list.
func fields(text string) []string {
	if text == "" {
		return nil
	}
	parts := strings.Split(text, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// parseSize reads a number of bytes, KiB or MiB.
func parseSize(text string) (int, error) {
	for suffix, factor := range map[string]int{"KiB": kib, "MiB": mib} {
		if number, found := strings.CutSuffix(text, suffix); found {
			n, err := strconv.Atoi(strings.TrimSpace(number))
			if n > workload.MaxPayload {
				return 0, strconv.ErrRange
			}
			return n * factor, err
		}
	}
	return strconv.Atoi(text)
}

func positive(name string, d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("%s %s: give a time above 0", name, d)
	}
	return nil
}
