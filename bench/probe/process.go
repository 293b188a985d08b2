package probe

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of CPU times in /proc; the kernel reports 1/100 s on every platform.
const clockTick = 10 * time.Millisecond

// Usage is what a process and all its descendants used since they started. Threads that ended
// count for CPU and bytes, but not for context switches.
type Usage struct {
	CPU         time.Duration // user and system, to 10 ms
	RSSBytes    int64         // resident now
	WriteBytes  int64         // caused to be written to storage
	Voluntary   int64         // context switches: waiting
	Involuntary int64         // context switches: preempted
}

// Tree returns pid and all its living descendants.
func Tree(pid int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	children := map[int][]int{}
	for _, entry := range entries {
		child, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, err := readStat(child)
		if err != nil {
			continue // it ended in the meantime
		}
		children[stat.parent] = append(children[stat.parent], child)
	}
	tree := []int{pid}
	for i := 0; i < len(tree); i++ {
		tree = append(tree, children[tree[i]]...)
	}
	return tree, nil
}

// ReadUsage returns the usage of pid and its descendants. It fails when pid does not exist.
func ReadUsage(pid int) (Usage, error) {
	if _, err := readStat(pid); err != nil {
		return Usage{}, err
	}
	tree, err := Tree(pid)
	if err != nil {
		return Usage{}, err
	}
	var sum Usage
	for _, member := range tree {
		stat, err := readStat(member)
		if err != nil {
			continue // it ended; its parent's times hold it now
		}
		sum.CPU += stat.cpu
		sum.RSSBytes += stat.rssBytes
		sum.WriteBytes += readField(fmt.Sprintf("/proc/%d/io", member), "write_bytes")
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", member))
		for _, task := range tasks {
			sum.Voluntary += readField(task, "voluntary_ctxt_switches")
			sum.Involuntary += readField(task, "nonvoluntary_ctxt_switches")
		}
	}
	return sum, nil
}

// PeakRSS returns the largest resident memory that pid and its living descendants ever had, in
// bytes. With several processes it is the sum of their peaks, which may lie at different times.
func PeakRSS(pid int) (int64, error) {
	if _, err := readStat(pid); err != nil {
		return 0, err
	}
	tree, err := Tree(pid)
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, member := range tree {
		sum += readField(fmt.Sprintf("/proc/%d/status", member), "VmHWM") << 10
	}
	return sum, nil
}

type processStat struct {
	parent   int
	cpu      time.Duration // own and that of children already waited for
	rssBytes int64
}

func readStat(pid int) (processStat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return processStat{}, fmt.Errorf("read the figures of process %d: %w", pid, err)
	}
	return parseStat(text)
}

// parseStat reads a line of /proc/PID/stat. The second field is the program's name in brackets and
// may hold anything, brackets and blanks too.
func parseStat(text []byte) (processStat, error) {
	end := bytes.LastIndexByte(text, ')')
	fields := strings.Fields(string(text[end+1:]))
	const firstField, lastField = 3, 24 // fields holds these and more, numbered as in the manual
	if end < 0 || len(fields) < lastField-firstField+1 {
		return processStat{}, fmt.Errorf("read process figures: unexpected line %.80q", text)
	}
	number := func(field int) int64 {
		n, _ := strconv.ParseInt(fields[field-firstField], 10, 64)
		return n
	}
	ticks := number(14) + number(15) + number(16) + number(17)
	return processStat{
		parent:   int(number(4)),
		cpu:      time.Duration(ticks) * clockTick,
		rssBytes: number(24) * int64(os.Getpagesize()),
	}, nil
}

// readField returns the number after "name:" in a file of such lines, without its unit; 0 if it
// cannot be read: the thread ended, or the process belongs to another user.
func readField(path, name string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		key, value, found := strings.Cut(line, ":")
		if found && key == name {
			n, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(
				strings.TrimSpace(value), "kB")), 10, 64)
			return n
		}
	}
	return 0
}

// Watch samples a process tree until it is stopped, to catch the largest RSS.
type Watch struct {
	stop chan struct{}
	done chan int64
}

const watchInterval = 200 * time.Millisecond

// StartWatch begins to sample the RSS of pid and its descendants.
func StartWatch(pid int) *Watch {
	w := &Watch{stop: make(chan struct{}), done: make(chan int64, 1)}
	go w.run(pid)
	return w
}

func (w *Watch) run(pid int) {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	var largest int64
	for {
		largest = max(largest, rss(pid))
		select {
		case <-ticker.C:
		case <-w.stop:
			w.done <- max(largest, rss(pid))
			return
		}
	}
}

// Stop ends the sampling and returns the largest RSS seen, in bytes; 0 if there was no process.
func (w *Watch) Stop() int64 {
	close(w.stop)
	return <-w.done
}

func rss(pid int) int64 {
	tree, err := Tree(pid)
	if err != nil {
		return 0
	}
	var sum int64
	for _, member := range tree {
		if stat, err := readStat(member); err == nil {
			sum += stat.rssBytes
		}
	}
	return sum
}
