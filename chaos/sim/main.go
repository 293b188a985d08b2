package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

func main() {
	seeds := flag.Int("seeds", 1000, "how many seeds to try")
	first := flag.Uint64("first", 1, "the first of them")
	seed := flag.Uint64("seed", 0, "one seed, with every event; 0: many")
	plantName := flag.String("plant", "", "a fault to build in, which must be found")
	plants := flag.Bool("plants", false, "build in each fault in turn, and say after how many seeds it is found")
	flag.Parse()
	plant, err := parsePlant(*plantName)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if *seed != 0 {
		if err := runTraced(*seed, plant, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	all := make([]uint64, *seeds)
	for i := range all {
		all[i] = *first + uint64(i)
	}
	if *plants {
		if !findPlants(all, os.Stdout) {
			os.Exit(1)
		}
		return
	}
	broken := runMany(all, plant, 0)
	for _, b := range broken {
		fmt.Println(b.report)
	}
	fmt.Printf("%d of %d seeds broke\n", len(broken), len(all))
	if len(broken) > 0 {
		os.Exit(1)
	}
}

// findPlants says of each planted fault after how many seeds it is found, and by what.
func findPlants(seeds []uint64, out io.Writer) (all bool) {
	all = true
	for _, plant := range Plants {
		after, what := find(seeds, plant)
		if after == 0 {
			all = false
			what = fmt.Sprintf("NOT FOUND by %d seeds", len(seeds))
		}
		first, _, _ := strings.Cut(what, "\n")
		fmt.Fprintf(out, "%-14s %4d  %s\n", plant, after, first)
	}
	return all
}

// find reports how many seeds it takes to find a planted fault, 0 if they do not, and the report of the
// seed that did.
func find(seeds []uint64, plant Plant) (after int, what string) {
	broken := runMany(seeds, plant, 1)
	if len(broken) == 0 {
		return 0, ""
	}
	// All seeds before the first that broke have come to their end.
	return 1 + slices.Index(seeds, broken[0].seed), broken[0].report
}

// runTraced runs a seed and prints every event.
func runTraced(seed uint64, plant Plant, out io.Writer) error {
	err := New(Options{Seed: seed, Plant: plant, Trace: func(line string) {
		fmt.Fprintln(out, line)
	}}).Run()
	fmt.Fprintf(out, "seed %d: %v\n", seed, err)
	return err
}

// gcPercent has memory collected more rarely than usual: worlds are small and made one after the other,
// and a third of the time would go there.
const gcPercent = 400

// broken is a seed that broke something, and a report of it.
type broken struct {
	seed   uint64
	report string
}

// runMany runs seeds side by side and reports those that broke, in their order. It begins no more
// once limit of them broke; 0 is no limit.
func runMany(seeds []uint64, plant Plant, limit int) (all []broken) {
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	found := make([]error, len(seeds))
	var next, count atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for limit == 0 || count.Load() < int64(limit) {
				i := int(next.Add(1)) - 1
				if i >= len(seeds) {
					return
				}
				if found[i] = New(Options{Seed: seeds[i], Plant: plant}).Run(); found[i] != nil {
					count.Add(1)
				}
			}
		})
	}
	workers.Wait()
	for i, err := range found {
		if err != nil {
			all = append(all, broken{seeds[i], report(seeds[i], plant, err)})
		}
	}
	return all
}

const reportedEvents = 40

// report says what broke, what happened before, and how to see it again.
func report(seed uint64, plant Plant, err error) string {
	var last []string
	_ = New(Options{Seed: seed, Plant: plant, Trace: func(line string) {
		if last = append(last, line); len(last) > reportedEvents {
			last = last[1:]
		}
	}}).Run()
	text := fmt.Sprintf("seed %d: %v\n", seed, err)
	for _, line := range last {
		text += "  " + line + "\n"
	}
	text += fmt.Sprintf("replay: go run ./chaos/sim -seed %d", seed)
	if plant != "" {
		text += " -plant " + string(plant)
	}
	return text
}
