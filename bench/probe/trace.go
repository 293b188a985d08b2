package probe

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tracedCalls are the system calls that make data durable. Flushes asked for through io_uring or
// by O_DSYNC are not among them; the device's flush count holds those too.
var tracedCalls = []string{"fsync", "fdatasync", "sync_file_range", "msync", "syncfs"}

const (
	attachTimeout = 10 * time.Second
	traceTimeout  = 30 * time.Second // to write its summary
)

// Trace counts the flush calls of a process tree with strace, which slows that tree down: figures
// other than the count are worthless meanwhile.
type Trace struct {
	cmd    *exec.Cmd
	output string
	log    *bytes.Buffer
	done   chan error
}

// StartTrace attaches to pid and its living descendants and returns when all are attached. It
// fails when strace is not installed or may not attach.
func StartTrace(pid int, dir string) (*Trace, error) {
	path, err := exec.LookPath("strace")
	if err != nil {
		return nil, fmt.Errorf("count flush calls: strace is not installed: %w", err)
	}
	tree, err := Tree(pid)
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(dir, "strace-*")
	if err != nil {
		return nil, fmt.Errorf("count flush calls: %w", err)
	}
	_ = file.Close() // strace writes to it by name
	args := []string{"-f", "-c", "-o", file.Name(), "-e", "trace=" + strings.Join(tracedCalls, ",")}
	for _, member := range tree {
		args = append(args, "-p", strconv.Itoa(member))
	}
	t := &Trace{output: file.Name(), log: &bytes.Buffer{}, done: make(chan error, 1)}
	t.cmd = exec.Command(path, args...)
	t.cmd.Stderr = t.log
	if err := t.cmd.Start(); err != nil {
		return nil, fmt.Errorf("count flush calls: start strace: %w", err)
	}
	go func() { t.done <- t.cmd.Wait() }()
	if err := t.awaitAttach(pid); err != nil {
		_ = t.cmd.Process.Kill()
		return nil, errors.Join(err, os.Remove(t.output))
	}
	return t, nil
}

// awaitAttach waits until the kernel names a tracer for every thread of pid.
func (t *Trace) awaitAttach(pid int) error {
	deadline := time.Now().Add(attachTimeout)
	for time.Now().Before(deadline) {
		select {
		case err := <-t.done:
			return fmt.Errorf("count flush calls: strace ended (%w): %s; tracing needs the same user "+
				"and kernel.yama.ptrace_scope=0, or root", err, bytes.TrimSpace(t.log.Bytes()))
		case <-time.After(10 * time.Millisecond):
		}
		if traced(pid) {
			return nil
		}
	}
	return fmt.Errorf("count flush calls: strace did not attach to process %d within %s",
		pid, attachTimeout)
}

func traced(pid int) bool {
	dir := fmt.Sprintf("/proc/%d/task", pid)
	threads, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, thread := range threads {
		if readField(dir+"/"+thread.Name()+"/status", "TracerPid") == 0 {
			return false
		}
	}
	return true
}

// Stop detaches and returns how often the flush calls were made, by name.
func (t *Trace) Stop() (map[string]int64, error) {
	defer os.Remove(t.output)
	if err := t.cmd.Process.Signal(syscall.SIGINT); err != nil {
		return nil, fmt.Errorf("count flush calls: stop strace: %w", err)
	}
	select {
	case <-t.done: // it ends by the signal, so its status says nothing
	case <-time.After(traceTimeout):
		_ = t.cmd.Process.Kill()
		return nil, fmt.Errorf("count flush calls: strace wrote no summary within %s", traceTimeout)
	}
	text, err := os.ReadFile(t.output)
	if err != nil {
		return nil, fmt.Errorf("count flush calls: %w", err)
	}
	return parseTrace(string(text)), nil
}

// parseTrace reads the summary: columns "% time", "seconds", "usecs/call", "calls", perhaps
// "errors", and the name.
func parseTrace(text string) map[string]int64 {
	counts := map[string]int64{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		name := fields[len(fields)-1]
		for _, call := range tracedCalls {
			if name == call {
				counts[name], _ = strconv.ParseInt(fields[3], 10, 64)
			}
		}
	}
	return counts
}
