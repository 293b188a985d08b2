package process

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

const (
	// StartTimeout is how long a started process may take until it answers.
	StartTimeout = 60 * time.Second
	pollEvery    = 20 * time.Millisecond
)

// Process is a child in a process group of its own.
type Process struct {
	cmd  *exec.Cmd
	log  *os.File
	done chan struct{} // closed when the child has ended
}

// Start starts a command. Its output is appended to the file logPath, or goes to also if that is
// not nil. env is added to this process' environment.
func Start(logPath string, also io.Writer, env []string, name string, args ...string) (
	*Process, error,
) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open log of %s: %w", name, err)
	}
	p := &Process{cmd: exec.Command(name, args...), log: log, done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if also != nil {
		p.cmd.Stdout, p.cmd.Stderr = also, also
	}
	p.cmd.SysProcAttr = attributes()
	if err := p.cmd.Start(); err != nil {
		log.Close()
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // it ends by a signal; how it ended is in its log
	}()
	return p, nil
}

// PID returns the process ID.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Kill sends SIGKILL to the whole group and waits for the end of the child. A nil Process and one
// that has ended are fine.
func (p *Process) Kill() {
	if p == nil {
		return
	}
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL) // gone already: nothing to do
	<-p.done
	p.log.Close()
}

// Pause stops the whole group until Resume lets it go on: to others it looks like a machine that
// hangs.
func (p *Process) Pause() error { return p.signal(syscall.SIGSTOP) }

// Resume lets a group that was paused go on.
func (p *Process) Resume() error { return p.signal(syscall.SIGCONT) }

func (p *Process) signal(s syscall.Signal) error {
	if err := syscall.Kill(-p.PID(), s); err != nil {
		return fmt.Errorf("send %v: %w", s, err)
	}
	return nil
}

// Terminate sends SIGTERM to the child and returns at once.
func (p *Process) Terminate() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("send SIGTERM: %w", err)
	}
	return nil
}

// Dump has a Go program write the stacks of all goroutines to its log, which ends it, and returns those
// that wait for a lock. It is for a program that no longer does what it should.
func (p *Process) Dump() (waiting string, err error) {
	if err := p.signal(syscall.SIGQUIT); err != nil {
		return "", err
	}
	select {
	case <-p.done:
	case <-time.After(StartTimeout):
		return "", fmt.Errorf("process %d has not ended %v after SIGQUIT", p.PID(), StartTimeout)
	}
	data, err := os.ReadFile(p.log.Name())
	if err != nil {
		return "", fmt.Errorf("read the stacks: %w", err)
	}
	const most = 20_000
	for stack := range bytes.SplitSeq(data, []byte("\n\n")) {
		head, _, _ := bytes.Cut(stack, []byte("\n"))
		if bytes.HasPrefix(head, []byte("goroutine ")) && bytes.Contains(head, []byte("Mutex")) &&
			len(waiting) < most {
			waiting += string(stack) + "\n\n"
		}
	}
	return waiting, nil
}

// Tail returns the last lines of the log, from the start of a panic if there is one, for messages.
func (p *Process) Tail() string {
	const most = 4000
	data, err := os.ReadFile(p.log.Name())
	if err != nil {
		return err.Error()
	}
	if i := bytes.Index(data, []byte("\npanic: ")); i >= 0 {
		return string(data[i:min(len(data), i+most)])
	}
	return string(data[max(0, len(data)-most):])
}

// Await asks until yes says so. It fails when the child ends or StartTimeout has passed.
func (p *Process) Await(ctx context.Context, what string, yes func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, StartTimeout)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !yes(ctx) {
		select {
		case <-p.done:
			return fmt.Errorf("%s ended before it answered; its last words:\n%s", what, p.Tail())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w; its last words:\n%s",
				what, ctx.Err(), p.Tail())
		case <-tick.C:
		}
	}
	return nil
}

// Memory returns the bytes that the process has in RAM now, and the most that it has had; both are 0
// where the system does not tell.
func (p *Process) Memory() (now, peak int64, err error) {
	select {
	case <-p.done:
		return 0, 0, fmt.Errorf("the process has ended:\n%s", p.Tail())
	default:
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if os.IsNotExist(err) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("read the memory of a process: %w", err)
	}
	for line := range bytes.Lines(status) {
		var name string
		var kib int64
		if n, _ := fmt.Sscanf(string(line), "%s %d kB", &name, &kib); n != 2 {
			continue
		}
		switch name {
		case "VmRSS:":
			now = kib << 10
		case "VmHWM:":
			peak = kib << 10
		}
	}
	if now == 0 {
		return 0, 0, fmt.Errorf("no VmRSS in %q", status)
	}
	return now, peak, nil
}
