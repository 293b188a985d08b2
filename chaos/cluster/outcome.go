package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/chaos/cluster/check"
	"github.com/perdure/perdure/chaos/cluster/history"
	"github.com/perdure/perdure/chaos/cluster/report"
)

// outcome is what a run has shown.
type outcome struct {
	Options  runOptions
	Verdicts []check.Verdict
	History  history.History
	Errors   map[string]int    // failed tries by reason
	Loaded   time.Duration     // until when clients began new things
	Down     history.Gap       // the longest time without any success until then
	Settled  time.Duration     // from the last heal until everything had ended
	Network  map[string]uint64 // frames by what became of them; nil on loopback
	Nodes    int
	Zones    int
}

// valid tells whether no checker found anything.
func (o *outcome) valid() bool {
	return !slices.ContainsFunc(o.Verdicts, func(v check.Verdict) bool { return !v.Valid() })
}

// print says in a few lines what a run has shown.
func (o *outcome) print(say func(string, ...any)) {
	ok, failed, unknown := o.History.Count()
	say("  %d operations succeeded, %d failed, %d without an answer; longest time without success %v; "+
		"all ended %v after the last fault", ok, failed, unknown, ms(o.Down.Length()), ms(o.Settled))
	if tries := o.tries(); tries != "" {
		say("  failed tries: %s", tries)
	}
	for _, v := range o.Verdicts {
		say("  %s", v)
		for _, p := range v.Problems[min(1, len(v.Problems)):] {
			say("      %s", p)
		}
	}
}

func (o *outcome) tries() string { return counts(o.Errors) }

// counts writes numbers of things in order of their names.
func counts[N int | uint64](of map[string]N) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		list = append(list, fmt.Sprintf("%d %s", of[name], name))
	}
	return strings.Join(list, ", ")
}

// command is what makes the run again: the same choices, not the same moments.
func (o *outcome) command() string {
	return fmt.Sprintf("go run ./chaos/cluster --nodes %d --zones %d --workload %s --nemesis %s --time %v --hold %v "+
		"--calm %v --seed %d", o.Nodes, o.Zones, strings.Join(o.Options.Workloads, ","),
		strings.Join(o.Options.Nemeses, ","), o.Options.Time, o.Options.Hold, o.Options.Calm, o.Options.Seed)
}

// write writes the history, the page and the pictures.
func (o *outcome) write(dir, name string) error {
	err := writeFile(filepath.Join(dir, name+".jsonl"), o.History.Write)
	page := report.Run{
		Title:   strings.Join(o.Options.Workloads, ", ") + " under " + strings.Join(o.Options.Nemeses, ", "),
		Command: o.command(), Verdicts: o.Verdicts, History: o.History, Gap: o.Down,
		Facts: [][2]string{
			{"nodes, zones", fmt.Sprintf("%d, %d", o.Nodes, o.Zones)},
			{"everything had ended", ms(o.Settled).String() + " after the last fault"},
			{"failed tries", o.tries()}, {"frames between nodes", counts(o.Network)},
		},
	}
	for _, v := range o.Verdicts {
		if len(v.Picture) == 0 {
			continue
		}
		file := name + "-" + v.Subject + "-linearizable.html"
		page.Pictures = append(page.Pictures, file)
		err = errors.Join(err, writeFile(filepath.Join(dir, file), func(w io.Writer) error {
			_, err := w.Write(v.Picture)
			return err
		}))
	}
	return errors.Join(err, writeFile(filepath.Join(dir, name+".html"), func(w io.Writer) error {
		return report.Write(w, page)
	}))
}

func writeFile(path string, fill func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write a report: %w", err)
	}
	err = fill(file)
	if closing := file.Close(); err == nil && closing != nil {
		err = fmt.Errorf("write %s: %w", path, closing)
	}
	return err
}
