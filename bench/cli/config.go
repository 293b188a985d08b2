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
	"github.com/perdure/perdure/bench/target"
	"github.com/perdure/perdure/bench/workload"
)

// Limits of the command line.
const (
	maxRounds      = 1000
	maxServers     = 16
	maxInvocations = 100_000_000
)

// How servers live: one process per round, or one per measurement.
const (
	processKept  = "kept"
	processFresh = "fresh"
)

// defaultScenarios take seconds each, also on a slow server.
const defaultScenarios = "three-step,echo,counter-hot,counter-1000"

const openLoopClients = 256 // connections of an open loop unless --clients says otherwise

// config is a command line that was checked.
type config struct {
	kind    string
	servers []target.Spec

	scenarios []string
	clients   []int
	rate      float64
	payload   int
	duration  time.Duration
	warmup    time.Duration
	rounds    int
	process   string
	strace    bool
	traceTime time.Duration
	timeout   time.Duration

	settle        time.Duration
	invocations   uint64
	answerTimeout time.Duration

	dataDir  string
	jsonPath string
	outPath  string
}

// texts are flags that need more than the flag package to be understood.
type texts struct {
	servers        []string
	peers          []string
	ingress, admin string
	pid            int
	scenarios      string
	clients        string
	invocations    uint64
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
		flags.DurationVar(&cfg.duration, "duration", 30*time.Second, "how long to watch it idle")
		flags.DurationVar(&cfg.settle, "settle", 5*time.Second, "wait after the first answer")
	case "recovery":
		flags.Uint64Var(&raw.invocations, "invocations", 100_000, "calls to finish before the kill")
		flags.StringVar(&raw.clients, "clients", "32", "clients that make these calls")
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
	flags.IntVar(&cfg.rounds, "rounds", 3, "times to measure everything, servers in turn")
	flags.StringVar(&cfg.dataDir, "data-dir", os.TempDir(),
		"`directory` below which servers keep data")
	flags.StringVar(&cfg.jsonPath, "json", "", "`file` to write the report to as JSON")
	flags.StringVar(&cfg.outPath, "out", "", "write the report to `path`.json and path.md")
	flags.DurationVar(&cfg.timeout, "timeout", time.Minute, "longest wait for an answer")
	flags.DurationVar(&cfg.answerTimeout, "answer-timeout", 3*time.Minute,
		"longest wait for the first answered call after a start")
}

func defineRunFlags(flags *flag.FlagSet, cfg *config, raw *texts) {
	flags.StringVar(&raw.scenarios, "scenarios", defaultScenarios,
		"scenarios to run, of "+strings.Join(workload.Names(), ", "))
	flags.StringVar(&raw.clients, "clients", "", "numbers of clients (default 1,32; "+
		strconv.Itoa(openLoopClients)+" with --rate)")
	flags.Float64Var(&cfg.rate, "rate", 0,
		"calls per second in an open loop; 0: each client calls again when it is answered")
	flags.IntVar(&cfg.payload, "payload", workload.DefaultPayload,
		"`bytes` of input of echo and three-step")
	flags.DurationVar(&cfg.duration, "duration", 10*time.Second, "length of a measurement")
	flags.DurationVar(&cfg.warmup, "warmup", 2*time.Second, "load before it that does not count")
	flags.StringVar(&cfg.process, "process", processKept,
		"kept: one server process per round, the others idle beside it; fresh: one per measurement")
	flags.BoolVar(&cfg.strace, "strace", false, "count flush calls in a window of their own")
	flags.DurationVar(&cfg.traceTime, "strace-duration", 3*time.Second, "length of that window")
}

// finish reads what is left as text and reports every mistake at once.
func (c *config) finish(raw texts) error {
	var problems []error
	note := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	note(c.readServers(raw))
	note(positive("--timeout", c.timeout))
	note(positive("--answer-timeout", c.answerTimeout))
	if c.rounds < 1 || c.rounds > maxRounds {
		note(fmt.Errorf("--rounds %d: give a number from 1 to %d", c.rounds, maxRounds))
	}
	if raw.clients == "" {
		raw.clients = "1,32"
		if c.rate > 0 {
			raw.clients = strconv.Itoa(openLoopClients)
		}
	}
	for _, text := range strings.Split(raw.clients, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 || n > load.MaxClients {
			note(fmt.Errorf("--clients %s: give numbers from 1 to %d", raw.clients, load.MaxClients))
			break
		}
		c.clients = append(c.clients, n)
	}
	switch c.kind {
	case "run":
		note(c.finishRun(raw))
	case "idle":
		note(positive("--duration", c.duration))
	case "recovery":
		c.invocations = raw.invocations
		if c.invocations < 1 || c.invocations > maxInvocations {
			note(fmt.Errorf("--invocations %d: give a number from 1 to %d",
				c.invocations, maxInvocations))
		}
		if len(c.clients) > 1 {
			note(errors.New("--clients: give one number"))
		}
	}
	return errors.Join(problems...)
}

func (c *config) finishRun(raw texts) error {
	problems := []error{positive("--duration", c.duration)}
	for _, name := range strings.Split(raw.scenarios, ",") {
		name = strings.TrimSpace(name)
		if _, err := workload.New(name, workload.Config{Payload: c.payload, Clients: 1}); err != nil {
			problems = append(problems, err)
		}
		c.scenarios = append(c.scenarios, name)
	}
	if c.warmup < 0 || c.traceTime <= 0 {
		problems = append(problems, errors.New("--warmup and --strace-duration must not be negative"))
	}
	if !(c.rate >= 0 && c.rate <= load.MaxRate) {
		problems = append(problems, fmt.Errorf("--rate %g: give a number from 0 to %d",
			c.rate, load.MaxRate))
	}
	if c.process != processKept && c.process != processFresh {
		problems = append(problems, fmt.Errorf("--process %s: use %s or %s",
			c.process, processKept, processFresh))
	}
	return errors.Join(problems...)
}

func positive(name string, d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("%s %s: give a time above 0", name, d)
	}
	return nil
}

func (c *config) readServers(raw texts) error {
	var problems []error
	names := map[string]bool{}
	for _, text := range append(raw.servers, raw.peers...) {
		spec, err := target.ParseSpec(text)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if names[spec.Name] {
			problems = append(problems, fmt.Errorf("two servers are called %s; "+
				"give one a name: name=N,...", spec.Name))
		}
		names[spec.Name] = true
		if spec.Kind == target.KindFloor && c.kind != "run" {
			problems = append(problems, fmt.Errorf("%s cannot be measured on the floor, "+
				"which keeps nothing; use run", c.kind))
		}
		c.servers = append(c.servers, spec)
	}
	if raw.ingress != "" || raw.admin != "" {
		spec, err := target.Running(raw.ingress, raw.admin, raw.pid)
		if err != nil {
			problems = append(problems, fmt.Errorf("--ingress and --admin: %w", err))
		} else if c.kind != "run" {
			problems = append(problems, fmt.Errorf("%s needs servers that it may start and stop; "+
				"use --server", c.kind))
		}
		c.servers = append(c.servers, spec)
	}
	if len(problems) == 0 && len(c.servers) == 0 {
		problems = append(problems, errors.New("no server to measure; "+
			"give --server, --peer, or --ingress and --admin"))
	}
	if len(c.servers) > maxServers {
		problems = append(problems, fmt.Errorf("%d servers, at most %d", len(c.servers), maxServers))
	}
	return errors.Join(problems...)
}
