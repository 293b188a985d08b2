package probe

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// countTimeout bounds each answer of perf.
const countTimeout = 10 * time.Second

// Counter counts the flush calls of a process tree with perf, which costs the tree next to
// nothing, so that a count and a measurement can share a window.
type Counter struct {
	cmd     *exec.Cmd
	control *os.File // commands to perf
	answers *os.File
	output  string
	log     *bytes.Buffer
	done    chan error
}

// StartCounter counts from now on for pid and its living descendants, and the threads they start.
// It fails when perf is not installed or may not count system calls.
func StartCounter(pid int, dir string) (*Counter, error) {
	path, err := exec.LookPath("perf")
	if err != nil {
		return nil, fmt.Errorf("count flush calls: perf is not installed: %w", err)
	}
	tree, err := Tree(pid)
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(dir, "perf-*")
	if err != nil {
		return nil, fmt.Errorf("count flush calls: %w", err)
	}
	_ = file.Close() // perf writes to it by name
	c := &Counter{output: file.Name(), log: &bytes.Buffer{}, done: make(chan error, 1)}
	if err = c.start(path, tree); err == nil {
		if err = c.tell("enable"); err == nil {
			return c, nil
		}
		err = c.end(err)
	}
	return nil, fmt.Errorf("count flush calls: %w", errors.Join(err, os.Remove(c.output)))
}

// start runs perf with counting switched off.
func (c *Counter) start(path string, tree []int) error {
	commandsOut, commandsIn, err := os.Pipe()
	if err != nil {
		return err
	}
	defer commandsOut.Close()
	answersOut, answersIn, err := os.Pipe()
	if err != nil {
		return errors.Join(err, commandsIn.Close())
	}
	defer answersIn.Close()
	pids := make([]string, len(tree))
	for i, member := range tree {
		pids[i] = strconv.Itoa(member)
	}
	c.control, c.answers = commandsIn, answersOut
	c.cmd = exec.Command(path, "stat", "-x", ",", "-o", c.output, "-e", countedEvents(),
		"-p", strings.Join(pids, ","), "--delay", "-1", "--control", "fd:3,4")
	c.cmd.ExtraFiles = []*os.File{commandsOut, answersIn}
	c.cmd.Stderr = c.log
	if err := c.cmd.Start(); err != nil {
		return errors.Join(err, commandsIn.Close(), answersOut.Close())
	}
	go func() { c.done <- c.cmd.Wait() }()
	return nil
}

func countedEvents() string {
	events := make([]string, len(tracedCalls))
	for i, call := range tracedCalls {
		events[i] = "syscalls:sys_enter_" + call
	}
	return strings.Join(events, ",")
}

// tell sends a command and waits until perf has obeyed.
func (c *Counter) tell(command string) error {
	if err := c.answers.SetReadDeadline(time.Now().Add(countTimeout)); err != nil {
		return fmt.Errorf("tell perf to %s: %w", command, err)
	}
	if _, err := io.WriteString(c.control, command+"\n"); err != nil {
		return fmt.Errorf("tell perf to %s: %w", command, err)
	}
	answer, err := bufio.NewReaderSize(c.answers, 16).ReadString('\n')
	if err != nil || strings.Trim(answer, "\n\x00") != "ack" {
		return fmt.Errorf("tell perf to %s: it answered %q (%v)", command, answer, err)
	}
	return nil
}

// Stop ends the count and returns how often the flush calls were made, by name.
func (c *Counter) Stop() (map[string]int64, error) {
	defer os.Remove(c.output)
	if err := c.end(c.tell("disable")); err != nil {
		return nil, fmt.Errorf("count flush calls: %w", err)
	}
	text, err := os.ReadFile(c.output)
	if err != nil {
		return nil, fmt.Errorf("count flush calls: %w", err)
	}
	return parseCounts(string(text))
}

// end stops perf, which then writes what it counted. An error before that is returned with what
// perf said.
func (c *Counter) end(before error) error {
	signal := os.Signal(syscall.SIGINT)
	if before != nil {
		signal = os.Kill
	}
	_ = c.cmd.Process.Signal(signal) // fails only when it has ended already
	select {
	case <-c.done: // it ends by the signal, so its status says nothing
	case <-time.After(countTimeout):
		_ = c.cmd.Process.Kill()
		<-c.done
		before = errors.Join(before, fmt.Errorf("perf did not end within %s", countTimeout))
	}
	_ = c.control.Close() // both ends of the pipes are done with
	_ = c.answers.Close()
	if before != nil {
		return fmt.Errorf("%w: %s", before, bytes.TrimSpace(c.log.Bytes()))
	}
	return nil
}

// neverRan is what perf says for a process that slept through the whole count.
const neverRan = "<not counted>"

// parseCounts reads lines of "count,unit,event,...".
func parseCounts(text string) (map[string]int64, error) {
	counts := map[string]int64{}
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), ",")
		if len(fields) < 3 {
			continue
		}
		call, counted := strings.CutPrefix(fields[2], "syscalls:sys_enter_")
		if !counted {
			continue
		}
		count, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil && fields[0] != neverRan {
			return nil, fmt.Errorf("count flush calls: perf says %q for %s", fields[0], call)
		}
		counts[call] = count
	}
	if len(counts) == 0 {
		return nil, errors.New("count flush calls: perf wrote no counts")
	}
	return counts, nil
}
