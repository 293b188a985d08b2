package target

import (
	"fmt"
	"io"
	"os/exec"
	"syscall"
	"time"
)

// Process is a started program with its own process group, so that what it starts ends with it.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // how it ended; read after done
}

// StartProcess starts command with env as its whole environment. Its output goes to log, or, for
// stdout, to the writer given.
func StartProcess(command, env []string, stdout, stderr io.Writer) (*Process, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, stdout, stderr
	cmd.SysProcAttr = processAttributes()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", command[0], err)
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.err = cmd.Wait()
	}()
	return p, nil
}

// PID returns the process ID.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the process ended. Call it after Done only.
func (p *Process) Err() error {
	if p.err == nil {
		return fmt.Errorf("the process ended with status 0")
	}
	return p.err
}

// Stop asks the process to end, and kills it when it has not within grace.
func (p *Process) Stop(grace time.Duration) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails only when it has ended already
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
	}
	p.Kill()
}

// Kill ends the process and its group at once.
func (p *Process) Kill() {
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL) // fails only when the group is gone
	<-p.done
}
