package probe

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	// A program may call itself anything; fields count from the last bracket.
	line := "42 (a) b (c) S 7 42 42 0 -1 4194304 10 20 30 40 100 50 3 2 20 0 9 0 500 1000 25 99 1"
	got, err := parseStat([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	want := processStat{
		parent: 7, cpu: 1550 * time.Millisecond, rssBytes: 25 * int64(os.Getpagesize()),
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, bad := range []string{"", "42 (a", "42 (a) S 1 2"} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q passed", bad)
		}
	}
}

func TestParseDisk(t *testing.T) {
	table := " 254 0 vda 72387 23204 2530586 8805 11724 51371 41 21753 0 8 9 6457 89 10 11 237 88\n" +
		" 253 0 old 1 2 3 4 5 6 7 8 9 10 11\n"
	got, err := parseDisk(table, "vda")
	if err != nil {
		t.Fatal(err)
	}
	if want := (Disk{Flushes: 237, WriteBytes: 41 * 512}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, device := range []string{"old", "vdb"} {
		if _, err := parseDisk(table, device); err == nil {
			t.Errorf("device %s passed", device)
		}
	}
}

func TestParseTrace(t *testing.T) {
	const summary = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 90.00    0.900000          90       120           fdatasync
 10.00    0.100000         100        10         2 fsync
------ ----------- ----------- --------- --------- ----------------
100.00    1.000000         100       130         2 total
`
	want := map[string]int64{"fdatasync": 120, "fsync": 10}
	if got := parseTrace(summary); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLongestMount(t *testing.T) {
	const table = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:30 / /tmp rw - tmpfs tmpfs rw
24 22 254:1 / /data rw,noatime shared:2 master:1 - xfs /dev/vda1 rw
25 22 0:31 / /data rw - overlay overlay rw
`
	for dir, want := range map[string]string{
		"/": "ext4", "/tmp/x": "tmpfs", "/tmpx": "ext4", "/data/a/b": "overlay",
	} {
		if got, ok := longestMount(table, dir); !ok || got.fileSystem != want {
			t.Errorf("%s lies on %+v, want %s", dir, got, want)
		}
	}
	if _, ok := longestMount("", "/"); ok {
		t.Error("an empty table holds a mount")
	}
}

func TestReadUsageOfATree(t *testing.T) {
	shell := exec.Command("sh", "-c", "sleep 60 & wait")
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	var tree []int
	defer func() {
		for _, pid := range tree {
			if process, err := os.FindProcess(pid); err == nil {
				_ = process.Kill()
			}
		}
		_ = shell.Wait()
	}()
	for deadline := time.Now().Add(10 * time.Second); len(tree) < 2; {
		if time.Now().After(deadline) {
			t.Fatalf("the tree of %d is %v", shell.Process.Pid, tree)
		}
		var err error
		if tree, err = Tree(shell.Process.Pid); err != nil {
			t.Fatal(err)
		}
	}
	both, err := ReadUsage(tree[0])
	if err != nil {
		t.Fatal(err)
	}
	child, err := ReadUsage(tree[1])
	if err != nil {
		t.Fatal(err)
	}
	if child.RSSBytes <= 0 || both.RSSBytes <= child.RSSBytes {
		t.Errorf("the tree holds %d bytes, the child alone %d", both.RSSBytes, child.RSSBytes)
	}
	peak, err := PeakRSS(tree[0])
	if err != nil || peak < both.RSSBytes {
		t.Errorf("the peak of %d bytes (%v) is below the %d now", peak, err, both.RSSBytes)
	}
	watch := StartWatch(tree[0])
	if got := watch.Stop(); got < child.RSSBytes {
		t.Errorf("the watch saw %d bytes, the child alone holds %d", got, child.RSSBytes)
	}
}

func TestReadUsageOfNobody(t *testing.T) {
	if usage, err := ReadUsage(1 << 30); err == nil {
		t.Errorf("a process that cannot exist used %+v", usage)
	}
	if peak, err := PeakRSS(1 << 30); err == nil {
		t.Errorf("a process that cannot exist used %d bytes", peak)
	}
}

func TestMeasureSyncLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	p50, p99, err := MeasureSync(dir)
	if err != nil {
		t.Fatal(err)
	}
	if p50 <= 0 || p99 < p50 {
		t.Errorf("p50 %s, p99 %s", p50, p99)
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("left behind: %v", entries)
	}
	if _, _, err := MeasureSync(filepath.Join(dir, "none")); err == nil {
		t.Error("a directory that does not exist passed")
	}
}

func TestDirBytesCountsWhatIsAllocated(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "a"), 0o755); err != nil {
		t.Fatal(err)
	}
	full := slices.Repeat([]byte{1}, 1<<20)
	if err := os.WriteFile(filepath.Join(dir, "a", "full"), full, 0o644); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(filepath.Join(dir, "a", "full"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Sync(); err != nil { // space may be given out only now
		t.Fatal(err)
	}
	size, err := DirBytes(dir)
	if err != nil {
		t.Fatal(err)
	}
	if size < 1<<20 || size > 2<<20 {
		t.Errorf("%d bytes for a file of 1 MiB", size)
	}
}

func TestReadMachine(t *testing.T) {
	machine, err := ReadMachine(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if machine.Cores < 1 || machine.MemoryMiB < 1 || machine.Kernel == "" ||
		machine.Mount.FileSystem == "" || machine.SyncP50Ms <= 0 {
		t.Errorf("facts are missing: %+v", machine)
	}
}

func TestMeasureDatasyncLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	p50, p99, err := MeasureDatasync(dir)
	if err != nil {
		t.Fatal(err)
	}
	if p50 <= 0 || p99 < p50 {
		t.Errorf("p50 %s, p99 %s", p50, p99)
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestCreateZeroedGivesOutAllBlocks(t *testing.T) {
	const size = 3*syncBytes + 5
	file, err := CreateZeroed(t.TempDir(), size)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() != size || allocatedBytes(info) < size {
		t.Errorf("%d bytes, %d of them on disk, want %d", info.Size(), allocatedBytes(info), size)
	}
	if _, err := CreateZeroed(filepath.Join(t.TempDir(), "none"), 1); err == nil {
		t.Error("a directory that does not exist passed")
	}
}

func TestMeasureLoopback(t *testing.T) {
	if p50, p99, err := MeasureLoopback(); err != nil || p50 <= 0 || p99 < p50 {
		t.Errorf("p50 %s, p99 %s, %v", p50, p99, err)
	}
}

func TestParseCounts(t *testing.T) {
	got, err := parseCounts("# started on a day\n\n" +
		"12,,syscalls:sys_enter_fsync,900,100.00,,\n345,,syscalls:sys_enter_fdatasync,900,100.00,,\n" +
		"<not counted>,,syscalls:sys_enter_msync,0,100.00,,\n")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{"fsync": 12, "fdatasync": 345, "msync": 0}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, bad := range []string{"", "<not supported>,,syscalls:sys_enter_fsync,0,0,,"} {
		if _, err := parseCounts(bad); err == nil {
			t.Errorf("%q passed", bad)
		}
	}
}

// installPerf puts a script in the place of perf.
func installPerf(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "perf")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func TestCounter(t *testing.T) {
	installPerf(t, `while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done
while read -r line <&3; do
	echo "$line" >> "$out"
	[ "$line" = disable ] && echo "42,,syscalls:sys_enter_fdatasync,1,100.00,," >> "$out"
	echo ack >&4
done`)
	dir := t.TempDir()
	counter, err := StartCounter(os.Getpid(), dir)
	if err != nil {
		t.Fatal(err)
	}
	counts, err := counter.Stop()
	if err != nil || counts["fdatasync"] != 42 {
		t.Errorf("counted %v, %v", counts, err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCounterSaysWhyItCannotCount(t *testing.T) {
	installPerf(t, `echo "no permission" >&2; exit 1`)
	dir := t.TempDir()
	_, err := StartCounter(os.Getpid(), dir)
	if err == nil || !strings.Contains(err.Error(), "no permission") {
		t.Errorf("error %v, want the reason in it", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
