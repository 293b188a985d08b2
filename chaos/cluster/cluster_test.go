package main

import (
	"flag"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"
)

// TestMain lets the test program be the service as well.
func TestMain(m *testing.M) {
	if os.Getenv(serveEnv) != "" {
		os.Exit(command(nil))
	}
	os.Exit(m.Run())
}

var (
	sliceSeed = flag.Uint64("seed", 0, "seed of TestClusterSurvives; 0: another one each time")
	sliceTime = flag.Duration("slice", 5*time.Minute, "how long faults go on in TestClusterSurvives")
)

// TestClusterSurvives is a slice of the command: three nodes in three zones, all workloads at once,
// faults alone and in pairs. The long runs are the command itself.
func TestClusterSurvives(t *testing.T) {
	a, err := parse([]string{"-nodes", "3", "-zones", "3", "-hold", "2s", "-calm", "2s",
		"-out", t.TempDir(), "-dir", t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	a.run.Time, a.run.Seed, a.run.Both = *sliceTime, *sliceSeed, true
	if a.run.Seed == 0 {
		a.run.Seed = 1 + uint64(rand.Uint32())
	}
	a.cluster.Seed = a.run.Seed
	t.Logf("again: go test ./chaos/cluster -run TestClusterSurvives -seed %d -slice %v", a.run.Seed, a.run.Time)
	a.run.Say = t.Logf
	cleanup, err := a.complete(t.Context())
	t.Cleanup(cleanup)
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.newCluster(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	a.run.Prefix = "k"
	a.run.Nemeses = a.possible(c, nemesisNames[1:])
	a.run.First = slices.Clone(a.run.Nemeses) // each once at least
	rand.New(rand.NewPCG(a.run.Seed, 3)).Shuffle(len(a.run.First), func(i, j int) {
		a.run.First[i], a.run.First[j] = a.run.First[j], a.run.First[i]
	})
	result, err := run(t.Context(), c, a.run)
	if err != nil {
		t.Fatal(err)
	}
	result.print(t.Logf)
	for _, v := range result.Verdicts {
		if !v.Valid() {
			t.Errorf("%s\n%v", v, v.Problems)
		}
		if v.Checked == 0 && v.Checker != "liveness" {
			t.Errorf("%s: nothing was checked", v)
		}
	}
	if t.Failed() {
		for _, n := range c.nodes {
			t.Logf("last words of %s:\n%s", n.name, n.proc.Tail())
		}
	}
}

func TestNamesAreKnown(t *testing.T) {
	for _, name := range nemesisNames {
		if nemeses[name].strike == nil {
			t.Errorf("nemesis %s is listed and does not exist", name)
		}
	}
	if len(nemesisNames) != len(nemeses) {
		t.Errorf("%d nemeses are listed of %d", len(nemesisNames), len(nemeses))
	}
	for _, name := range workloadNames {
		if workloads[name] == nil {
			t.Errorf("workload %s is listed and does not exist", name)
		}
	}
	if len(workloadNames)+1 != len(workloads) || slices.Contains(workloadNames, "probe") {
		t.Errorf("%d workloads are listed of %d, one of which measures", len(workloadNames), len(workloads))
	}
}

// A node that was killed comes back after the network has.
func TestTheNetworkIsHealedFirst(t *testing.T) {
	for _, names := range [][]string{{"partition-one", "kill-leader"}, {"kill-leader", "partition-one"}} {
		if got := inOrder(names); got[1] != "partition-one" {
			t.Errorf("%v strike in the order %v, and end the other way round", names, got)
		}
	}
}

func TestWrongArgumentsAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{"-workload", "nothing"}, {"-nemesis", "kill,nobody"}, {"-plant", "weeds"}, {"-nodes", "0"},
		{"-nodes", "2", "-zones", "3"}, {"-pairs"}, {"-matrix", "-fresh"},
	} {
		if _, err := parse(args); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}

func TestMedian(t *testing.T) {
	for _, tt := range []struct{ in, want []time.Duration }{
		{[]time.Duration{3, 1, 2}, []time.Duration{2}},
		{[]time.Duration{4, 1, 2, 8}, []time.Duration{3}},
	} {
		if got := median(tt.in); got != tt.want[0] {
			t.Errorf("median of %v is %v", tt.in, got)
		}
	}
}
