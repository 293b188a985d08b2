package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startTimeout = 60 * time.Second // until a started process answers
	buildTimeout = 30 * time.Minute // of a build or an installation, on a cold cache

	// Ports of processes that are started again lie below the ephemeral range, where no
	// outgoing connection can take them meanwhile.
	firstPort = 20000
	lastPort  = 32000
)

// process is a child in a process group of its own, which dies with all its children.
type process struct {
	cmd  *exec.Cmd
	log  *os.File
	done chan struct{} // closed when the child has ended
}

// spawn starts a command whose output goes to logPath, or to stderr when show is set.
func spawn(logPath string, show bool, env []string, name string, args ...string,
) (*process, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open log of %s: %w", name, err)
	}
	p := &process{cmd: exec.Command(name, args...), log: log, done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if show {
		p.cmd.Stdout, p.cmd.Stderr = os.Stderr, os.Stderr
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
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

// kill sends SIGKILL to the whole group and waits for the end of the child.
func (p *process) kill() {
	if p == nil {
		return
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // gone already: nothing to do
	<-p.done
	p.log.Close()
}

// tail returns the last lines of the log, for messages.
func (p *process) tail() string {
	const most = 2000
	data, err := os.ReadFile(p.log.Name())
	if err != nil {
		return err.Error()
	}
	if len(data) > most {
		data = data[len(data)-most:]
	}
	return string(data)
}

// await asks until yes, and fails when the child ends or the time is up.
func (p *process) await(ctx context.Context, what string, yes func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !yes(ctx) {
		select {
		case <-p.done:
			return fmt.Errorf("%s ended before it answered; its last words:\n%s", what, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w; its last words:\n%s",
				what, ctx.Err(), p.tail())
		case <-tick.C:
		}
	}
	return nil
}

// healthy tells whether a GET answers 200.
func healthy(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, res.Body)
	res.Body.Close()
	return err == nil && res.StatusCode == http.StatusOK
}

// freePort picks a port that nobody listens on.
func freePort() (int, error) {
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("no free port between %d and %d", firstPort, lastPort)
}

// usedPorts are those that hand-made deployments have had. A server that still knows the
// deployment of an earlier check at an address would not ask the one of a later check there.
var usedPorts sync.Map

// listenFresh listens on a port that no deployment of this run has had before.
func listenFresh() (net.Listener, error) {
	for range 1000 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("listen for a deployment: %w", err)
		}
		if _, used := usedPorts.LoadOrStore(l.Addr().String(), true); !used {
			return l, nil
		}
		l.Close()
	}
	return nil, fmt.Errorf("listen for a deployment: every port was used before")
}

// terminate sends SIGTERM to the child and returns at once.
func (p *process) terminate() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("send SIGTERM: %w", err)
	}
	return nil
}

// moduleRoot returns the folder of go.mod above the working directory.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("ask go for the module: %w", err)
	}
	file := strings.TrimSpace(string(out))
	if file == "" || file == os.DevNull {
		return "", fmt.Errorf("not inside the module: run this from a checkout")
	}
	return filepath.Dir(file), nil
}

// goBuild builds a main package of the module into dir and returns the binary.
func goBuild(ctx context.Context, pkg, dir string) (string, error) {
	root, err := moduleRoot(ctx)
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, filepath.Base(pkg))
	return binary, tool(ctx, root, "go", "build", "-o", binary, pkg)
}

// tool runs a command to its end; its output is in the error.
func tool(ctx context.Context, dir, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, buildTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// npm runs npm in dir and tells what to do when there is none.
func npm(ctx context.Context, dir string, args ...string) error {
	if _, err := exec.LookPath("npm"); err != nil {
		return fmt.Errorf("npm is needed and not on the PATH: install Node.js with npm: %w", err)
	}
	return tool(ctx, dir, "npm", append(args, "--ignore-scripts", "--no-audit", "--no-fund")...)
}
