package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
)

func main() {
	seeds := flag.Int("seeds", 200, "how many seeds to try")
	first := flag.Uint64("first", 1, "the first of them")
	seed := flag.Uint64("seed", 0, "one seed, with every event; 0: many")
	plantName := flag.String("plant", "", "a fault to build in, which must be found")
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
	broken := runMany(all, plant, 0)
	for _, b := range broken {
		fmt.Println(b)
	}
	fmt.Printf("%d of %d seeds broke\n", len(broken), len(all))
	if len(broken) > 0 {
		os.Exit(1)
	}
}

// runTraced runs a seed and prints every event.
func runTraced(seed uint64, plant Plant, out io.Writer) error {
	err := New(Options{Seed: seed, Plant: plant, Trace: func(line string) {
		fmt.Fprintln(out, line)
	}}).Run()
	fmt.Fprintf(out, "seed %d: %v\n", seed, err)
	return err
}

// runMany runs seeds side by side and reports those that broke, in their order. It begins no more
// once limit of them broke; 0 is no limit.
func runMany(seeds []uint64, plant Plant, limit int) (broken []string) {
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
			broken = append(broken, report(seeds[i], plant, err))
		}
	}
	return broken
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
