package main

import (
	"flag"
	"os"
	"strconv"
	"strings"
	"testing"
)

var (
	seedCount = flag.Int("seeds", 1000, "how many seeds TestSeeds tries")
	oneSeed   = flag.Uint64("seed", 0, "the one seed that TestSeeds runs, with every event")
)

// TestSeeds runs worlds with faults: what was accepted ends, once, and leaves nothing behind.
func TestSeeds(t *testing.T) {
	if *oneSeed != 0 {
		if err := runTraced(*oneSeed, "", os.Stdout); err != nil {
			t.Fatal(err)
		}
		return
	}
	seeds := rememberedSeeds(t)
	for i := range *seedCount {
		seeds = append(seeds, uint64(i+1))
	}
	for _, broken := range runMany(seeds, "", 3) {
		t.Error(broken.report)
	}
}

// rememberedSeeds reads the seeds that once broke something.
func rememberedSeeds(t *testing.T) (seeds []uint64) {
	b, err := os.ReadFile("testdata/seeds.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		number, _, _ := strings.Cut(line, "#")
		if number = strings.TrimSpace(number); number == "" {
			continue
		}
		seed, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			t.Fatalf("testdata/seeds.txt: %v", err)
		}
		seeds = append(seeds, seed)
	}
	return seeds
}

// TestSeedsRepeat shows that a world is a function of its seed, or nothing could be replayed.
func TestSeedsRepeat(t *testing.T) {
	for seed := range uint64(4) {
		var first, second strings.Builder
		err1, err2 := runTraced(seed+1, "", &first), runTraced(seed+1, "", &second)
		if first.String() != second.String() {
			t.Errorf("seed %d went two ways (%v, %v)", seed+1, err1, err2)
		}
	}
}

// maxPlantSeeds is how many seeds may pass until a planted fault is found.
const maxPlantSeeds = 100

// TestPlantedFaultsAreFound shows that the checker would notice.
func TestPlantedFaultsAreFound(t *testing.T) {
	seeds := make([]uint64, maxPlantSeeds)
	for i := range seeds {
		seeds[i] = uint64(i + 1)
	}
	for _, plant := range Plants {
		t.Run(string(plant), func(t *testing.T) {
			after, what := find(seeds, plant)
			if after == 0 {
				t.Fatalf("%d seeds did not find it", maxPlantSeeds)
			}
			first, _, _ := strings.Cut(what, "\n")
			t.Logf("found after %d seeds: %s", after, first)
			if !strings.Contains(what, "replay: go run ./chaos/sim -seed ") ||
				!strings.HasSuffix(what, "-plant "+string(plant)) {
				t.Errorf("the report does not say how to replay it:\n%s", what)
			}
		})
	}
}
