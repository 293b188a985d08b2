package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/perdure/perdure/bench/report"
)

func TestAll(t *testing.T) {
	out := filepath.Join(t.TempDir(), "all")
	code, stdout, stderr := bench(t, "all", "--server", fake(t, "a"), "--peer", fake(t, "b"),
		"--quick", "--duration", "50ms", "--warmup", "0s", "--idle-duration", "5ms", "--settle", "1ms",
		"--invocations", "1", "--data-dir", t.TempDir(), "--out", out)
	// The fakes lose their counters when they are killed, which is found out at the end.
	if code != exitFailed || !strings.Contains(stdout, "after 1 calls were acknowledged") {
		t.Fatalf("status %d\n%s\n%s", code, stdout, stderr)
	}
	r := readReport(t, out+".json")
	seen := map[report.Part]bool{}
	for _, run := range r.Runs {
		seen[run.Case.Part] = true
		if run.Figures["errors"] > 0 && run.Case.Part != report.PartRecovery {
			t.Errorf("%s on %s failed: %q", run.Case.Name(), run.Server, run.Errors)
		}
	}
	for _, part := range []report.Part{
		report.PartMachine, report.PartLoad, report.PartMemory, report.PartStart,
		report.PartRecovery,
	} {
		if !seen[part] {
			t.Errorf("nothing was measured of %s", part)
		}
	}
	met := map[string]report.Met{}
	for _, verdict := range r.Verdicts() {
		met[verdict.Measure] = verdict.Met
	}
	// What takes a load may be unknown after so short a one; the rest may not.
	for _, measure := range []string{
		"kill -9: first answered call", "idle: RSS", "idle: data directory",
		"largest RSS of the whole bench",
	} {
		if got := met[measure]; got != report.MetYes && got != report.MetNo {
			t.Errorf("%s: met %q, want a verdict", measure, got)
		}
	}
}

func TestAllMeasuresPartitionsOfTheFirstServer(t *testing.T) {
	cfg, err := parse(report.KindAll, []string{"--quick", "--rounds", "2"}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, server := range cfg.servers {
		names = append(names, server.Name+"="+string(server.role))
	}
	want := "perdure=subject restate=peer floor=floor " +
		"perdure-1p=variant perdure-24p=variant perdure-128p=variant"
	if got := strings.Join(names, " "); got != want || cfg.rounds != 2 {
		t.Errorf("%d rounds of %s, want 2 of %s", cfg.rounds, got, want)
	}
}

func TestReportJoinsFiles(t *testing.T) {
	dir := t.TempDir()
	var files []string
	for _, name := range []string{"x", "y"} {
		files = append(files, filepath.Join(dir, name+".json"))
		code, _, stderr := bench(t, "--server", fake(t, "a"), "--scenarios", "echo", "--clients", "1",
			"--rounds", "1", "--warmup", "0s", "--duration", "5ms", "--data-dir", t.TempDir(),
			"--json", files[len(files)-1])
		if code != exitOK {
			t.Fatalf("status %d: %s", code, stderr)
		}
	}
	both := filepath.Join(dir, "both")
	code, stdout, stderr := bench(t, "report", "--out", both, files[0], files[1])
	if code != exitOK || !strings.Contains(stdout, "echo") {
		t.Fatalf("status %d\n%s\n%s", code, stdout, stderr)
	}
	if got := readReport(t, both+".json").Summaries[0].Rounds; got != 2 {
		t.Errorf("%d rounds, want 2", got)
	}
	for _, suffix := range []string{".md", ".html", ".bench"} {
		if text, err := os.ReadFile(both + suffix); err != nil || len(text) == 0 {
			t.Errorf("%s: %d bytes, %v", suffix, len(text), err)
		}
	}
	bad := filepath.Join(dir, "bad.json")
	if err := os.WriteFile(bad, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{bad}, {filepath.Join(dir, "none.json")}, {files[0], bad}} {
		if code, _, _ := bench(t, append([]string{"report"}, args...)...); code != exitFailed {
			t.Errorf("%v: status %d, want %d", args, code, exitFailed)
		}
	}
	if code, _, _ := bench(t, "report"); code != exitUsage {
		t.Errorf("no file: status %d, want %d", code, exitUsage)
	}
}

func TestProfiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "profiles")
	code, stdout, stderr := bench(t, "--server", fake(t, "a"), "--server", "floor",
		"--scenarios", "echo", "--clients", "2", "--rounds", "1", "--warmup", "0s",
		"--duration", "5ms", "--trace-duration", "5ms", "--profile", dir, "--data-dir", t.TempDir())
	if code != exitOK || !strings.Contains(stderr, "note: profile floor: ") {
		t.Fatalf("status %d\n%s\n%s", code, stdout, stderr)
	}
	text, err := os.ReadFile(filepath.Join(dir, "echo-2-a.pprof"))
	if err != nil || string(text) != "a profile of 1 s" {
		t.Errorf("%q, %v", text, err)
	}
	if kept, _ := os.ReadDir(dir); len(kept) != 1 {
		t.Errorf("%v were kept, want one of the server that offers it", kept)
	}
}

func TestNodesOfEveryCluster(t *testing.T) {
	args := []string{"--server", "perdure-cluster", "--peer", "restate", "--nodes", "5"}
	cfg, err := parse("run", args, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if cfg.servers[0].Nodes != 5 || cfg.servers[1].Nodes != 0 {
		t.Errorf("%d and %d nodes, want 5 and a server alone", cfg.servers[0].Nodes,
			cfg.servers[1].Nodes)
	}
}
