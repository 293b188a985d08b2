package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/perdure/perdure/chaos/process"
)

// arguments are the command line.
type arguments struct {
	cluster  clusterOptions
	run      runOptions
	workload string
	nemesis  string
	plant    string
	out      string
	keep     bool
	matrix   bool
	pairs    bool
	fresh    bool
	random   time.Duration
	failover int
	evacuate bool
	rolling  bool
}

func parse(args []string) (a arguments, err error) {
	f := flag.NewFlagSet("cluster", flag.ContinueOnError)
	f.IntVar(&a.cluster.Nodes, "nodes", 5, "nodes of the cluster")
	f.IntVar(&a.cluster.Zones, "zones", 3, "zones they are in")
	f.IntVar(&a.cluster.Partitions, "partitions", 6, "partitions")
	f.DurationVar(&a.cluster.ZoneDelay, "zone-delay", time.Millisecond, "there and back between two zones")
	f.StringVar(&a.cluster.Binary, "server", "", "perdure program (default: build ./cmd/perdure)")
	f.StringVar(&a.cluster.Dir, "dir", "", "data and logs of the processes (default: a temporary folder)")
	f.BoolVar(&a.cluster.Loopback, "loopback", false, "no network of its own: nemeses that need none only")
	f.StringVar(&a.workload, "workload", "all", "workloads, separated by commas: "+strings.Join(workloadNames, ", "))
	f.StringVar(&a.nemesis, "nemesis", "kill", "nemeses, separated by commas, or all: "+strings.Join(nemesisNames, ", "))
	f.DurationVar(&a.run.Time, "time", 30*time.Second, "how long faults go on")
	f.DurationVar(&a.run.Hold, "hold", 4*time.Second, "how long one lasts")
	f.DurationVar(&a.run.Calm, "calm", 3*time.Second, "how long none does, between two")
	f.Uint64Var(&a.run.Seed, "seed", 1, "of all choices")
	f.StringVar(&a.plant, "plant", "", "a fault to build into the server, which must be found: "+strings.Join(plants, ", "))
	f.StringVar(&a.out, "out", "", "folder for reports and histories (default: a temporary one)")
	f.BoolVar(&a.keep, "keep", false, "keep the data and logs of the processes")
	f.BoolVar(&a.matrix, "matrix", false, "every nemesis x every workload, -time each: all workloads at once under each nemesis")
	f.BoolVar(&a.pairs, "pairs", false, "with -matrix: one workload at a time")
	f.BoolVar(&a.fresh, "fresh", false, "with -pairs: a new cluster for each pair, not for each nemesis")
	f.DurationVar(&a.random, "random", 0, "random workloads and nemeses, for so long")
	f.IntVar(&a.failover, "failover", 0, "kill the leading node so often under load, and measure")
	f.BoolVar(&a.evacuate, "evacuate", false, "drain a zone under load")
	f.BoolVar(&a.rolling, "rolling", false, "restart all nodes in turn under load")
	if err := f.Parse(args); err != nil {
		return a, err
	}
	a.cluster.Seed = a.run.Seed
	if a.pairs && !a.matrix || a.fresh && !a.pairs {
		return a, errors.New("-pairs says how to go through a -matrix, and -fresh how to go through its pairs: give both")
	}
	if a.matrix && !given(f, "nemesis") {
		a.nemesis = "all"
	}
	a.run.Workloads, err = choose("workload", a.workload, workloadNames)
	if err == nil {
		a.run.Nemeses, err = choose("nemesis", a.nemesis, nemesisNames)
	}
	if err == nil && a.plant != "" && !slices.Contains(plants, a.plant) {
		err = fmt.Errorf("plant %q: choose from %v", a.plant, plants)
	}
	if err == nil && (a.cluster.Nodes < 1 || a.cluster.Nodes > 9 || a.cluster.Zones < 1 || a.cluster.Zones > a.cluster.Nodes) {
		err = errors.New("give 1 to 9 nodes, and no more zones than nodes")
	}
	a.run.Say = func(format string, args ...any) { fmt.Printf(format+"\n", args...) }
	return a, err
}

// given tells whether a flag is on the command line.
func given(f *flag.FlagSet, name string) (yes bool) {
	f.Visit(func(set *flag.Flag) { yes = yes || set.Name == name })
	return yes
}

// choose reads a list of names.
func choose(what, list string, all []string) ([]string, error) {
	if list == "all" {
		return all, nil
	}
	names := strings.Split(list, ",")
	for _, n := range names {
		if !slices.Contains(all, n) {
			return nil, fmt.Errorf("%s %q: choose from %v, or all", what, n, all)
		}
	}
	return names, nil
}

func main() {
	os.Exit(command(os.Args[1:]))
}

// command is main with an exit code: 1 when a checker found something, 2 when it could not be done.
func command(args []string) int {
	if listen := os.Getenv(serveEnv); listen != "" {
		if err := serveHandlers(listen); err != nil {
			fmt.Fprintln(os.Stderr, "cluster:", err)
			return 2
		}
		return 0
	}
	a, err := parse(args)
	if err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "cluster:", err)
		}
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	valid, err := a.do(ctx)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "cluster:", err)
		return 2
	case !valid:
		return 1
	}
	return 0
}

// do does what the command line asks for.
func (a *arguments) do(ctx context.Context) (valid bool, err error) {
	cleanup, err := a.complete(ctx)
	defer func() {
		if err == nil && !valid && !a.keep {
			a.keep = true
			a.run.Say("the data and logs of the processes are kept in %s", a.cluster.Dir)
		}
		cleanup()
	}()
	if err != nil {
		return false, err
	}
	switch {
	case a.matrix:
		return a.doMatrix(ctx)
	case a.random > 0:
		return a.doRandom(ctx)
	case a.failover > 0, a.evacuate, a.rolling:
		return a.doOperations(ctx)
	}
	c, err := a.newCluster(ctx)
	if err != nil {
		return false, err
	}
	defer c.Close()
	a.run.Nemeses = a.possible(c, a.run.Nemeses)
	a.run.Prefix = "k"
	return a.one(ctx, c, a.run, "run")
}

// complete builds the server and makes the folders.
func (a *arguments) complete(ctx context.Context) (cleanup func(), err error) {
	tmp, err := os.MkdirTemp("", "perdure-chaos-")
	if err != nil {
		return func() {}, fmt.Errorf("make a temporary folder: %w", err)
	}
	cleanup = func() {
		if !a.keep {
			_ = os.RemoveAll(tmp)
		}
	}
	if a.cluster.Dir == "" {
		a.cluster.Dir = filepath.Join(tmp, "nodes")
	}
	if a.out == "" {
		// Reports outlive the run.
		if a.out, err = os.MkdirTemp("", "perdure-chaos-report-"); err != nil {
			return cleanup, fmt.Errorf("make a folder for reports: %w", err)
		}
	}
	if err := os.MkdirAll(a.out, 0o755); err != nil {
		return cleanup, fmt.Errorf("make the folder for reports: %w", err)
	}
	if a.cluster.Binary == "" {
		a.cluster.Binary, err = build(ctx, tmp, a.plant)
	}
	return cleanup, err
}

// plants are the faults that can be built into the server, as tags of the build.
var plants = []string{"early-answer", "no-dedup", "no-fence"}

// build builds the server, with a planted fault if one is named.
func build(ctx context.Context, dir, plant string) (string, error) {
	var flags []string
	if plant != "" {
		flags = []string{"-tags", "plant_" + strings.ReplaceAll(plant, "-", "_")}
	}
	binary, err := process.GoBuild(ctx, "./cmd/perdure", dir, flags...)
	if err != nil {
		return "", fmt.Errorf("build the server: %w", err)
	}
	return binary, nil
}

// newCluster makes a cluster and waits until it serves.
func (a *arguments) newCluster(ctx context.Context) (*Cluster, error) {
	o := a.cluster
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of clusters: %w", err)
	}
	var err error
	if o.Dir, err = os.MkdirTemp(o.Dir, "cluster-"); err != nil { // never on what another one left
		return nil, fmt.Errorf("make the folder of a cluster: %w", err)
	}
	c, err := newCluster(o)
	if err != nil {
		return nil, err
	}
	if c.net == nil {
		a.run.Say("NO NETWORK OF ITS OWN: %v. Processes on loopback; partitions, slow and lossy links are left out.", c.why)
	}
	began := time.Now()
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start a cluster: %w", err), c.Close())
	}
	a.run.Say("%d nodes in %d zones serve after %v", o.Nodes, o.Zones, time.Since(began).Round(time.Millisecond))
	return c, nil
}

// possible are the nemeses that can be had; it says which cannot.
func (a *arguments) possible(c *Cluster, names []string) (list []string) {
	for _, name := range names {
		if err := nemeses[name].possible(c); err != nil {
			a.run.Say("without nemesis %s: %v", name, err)
			continue
		}
		list = append(list, name)
	}
	if len(list) == 0 {
		a.run.Say("no nemesis is left: the workloads run undisturbed")
		return []string{"none"}
	}
	return list
}

// one makes one run, prints what it has shown, and writes the report.
func (a *arguments) one(ctx context.Context, c *Cluster, o runOptions, name string) (bool, error) {
	result, err := run(ctx, c, o)
	if err != nil {
		return false, err
	}
	result.print(o.Say)
	if err := result.write(a.out, name); err != nil {
		return false, err
	}
	if !result.valid() {
		o.Say("report: %s", filepath.Join(a.out, name+".html"))
	}
	return result.valid(), nil
}
