package target

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	startTimeout = 2 * time.Minute  // until both ports are healthy
	stopTimeout  = 15 * time.Second // after SIGTERM, before SIGKILL
	endWithin    = 5 * time.Second  // after it listens no more
	pollInterval = 5 * time.Millisecond
	logTailBytes = 4 << 10 // of the server's output, shown when it does not start
)

// Instance is one server with one data directory. It can be stopped or killed and started again on
// the same data and ports.
type Instance struct {
	spec    Spec
	dir     string // of this instance; the data is in dir/data
	ingress string // host:port
	admin   string // URL without a slash at the end
	node    string // the same of the port for other nodes and for debugging; empty if not known
	words   *strings.Replacer

	process *Process // nil when not running
}

// NewInstance makes a data directory below parent and picks free ports. Remove deletes it.
func NewInstance(spec Spec, parent string) (*Instance, error) {
	if spec.Kind == KindRunning {
		u, err := url.Parse(spec.IngressURL)
		if err != nil {
			return nil, fmt.Errorf("read server address %q: %w", spec.IngressURL, err)
		}
		return &Instance{
			spec: spec, ingress: u.Host, admin: strings.TrimSuffix(spec.AdminURL, "/"),
		}, nil
	}
	dir, err := os.MkdirTemp(parent, "server-*")
	if err != nil {
		return nil, fmt.Errorf("make a data directory for %s: %w", spec.Name, err)
	}
	ports, err := freePorts(3)
	if err != nil {
		return nil, fmt.Errorf("pick ports for %s: %w", spec.Name, errors.Join(err, os.Remove(dir)))
	}
	return &Instance{
		spec:    spec,
		dir:     dir,
		ingress: "127.0.0.1:" + ports[0],
		admin:   "http://127.0.0.1:" + ports[1],
		node:    "http://127.0.0.1:" + ports[2],
		words: strings.NewReplacer("{dir}", filepath.Join(dir, "data"),
			"{ingress}", ports[0], "{admin}", ports[1], "{node}", ports[2]),
	}, nil
}

// freePorts returns different ports that nobody listens on. All are held until all are known.
func freePorts(count int) ([]string, error) {
	var ports []string
	for range count {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		ports = append(ports, strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
	}
	return ports, nil
}

// Name returns the name reports use.
func (i *Instance) Name() string { return i.spec.Name }

// Ingress returns host:port of the public HTTP interface.
func (i *Instance) Ingress() string { return i.ingress }

// DataDir returns where the server keeps its data, empty if not known.
func (i *Instance) DataDir() string {
	if i.dir == "" {
		return ""
	}
	return filepath.Join(i.dir, "data")
}

// PID returns the server's process, 0 if not known or not running.
func (i *Instance) PID() int {
	if i.process != nil {
		return i.process.PID()
	}
	return i.spec.PID
}

// Start starts the server and waits until both its interfaces are healthy. It does nothing but
// wait for a server that somebody else started.
func (i *Instance) Start(ctx context.Context) error {
	if i.spec.Kind != KindRunning {
		if err := i.startProcess(); err != nil {
			return fmt.Errorf("start server %s: %w", i.spec.Name, err)
		}
	}
	if err := i.awaitHealth(ctx); err != nil {
		err = fmt.Errorf("start server %s: %w%s", i.spec.Name, err, i.logTail())
		i.Kill()
		return err
	}
	return nil
}

func (i *Instance) startProcess() error {
	data := i.DataDir()
	if err := os.MkdirAll(data, 0o755); err != nil {
		return err
	}
	log, err := os.OpenFile(i.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own handle
	env := os.Environ()
	for _, entry := range i.spec.Env {
		env = append(env, i.words.Replace(entry))
	}
	var command []string
	for _, word := range i.spec.Command {
		command = append(command, i.words.Replace(word))
	}
	i.process, err = StartProcess(command, env, log, log)
	return err
}

func (i *Instance) awaitHealth(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	var ended <-chan struct{}
	if i.process != nil {
		ended = i.process.Done()
	}
	for {
		err := errors.Join(
			get(ctx, i.admin+"/health", nil),
			get(ctx, "http://"+i.ingress+"/restate/health", nil))
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("it ended before it was healthy: %w", i.process.Err())
		case <-ctx.Done():
			return fmt.Errorf("wait until it is healthy: %w (%w)", err, ctx.Err())
		case <-time.After(pollInterval):
		}
	}
}

func (i *Instance) logPath() string { return filepath.Join(i.dir, "server.log") }

func (i *Instance) logTail() string {
	if i.dir == "" {
		return ""
	}
	text, err := os.ReadFile(i.logPath())
	if err != nil || len(text) == 0 {
		return "; it printed nothing"
	}
	return "; it printed:\n" + string(text[max(0, len(text)-logTailBytes):])
}

// Running reports whether the process is still there. A server that somebody else started is taken
// to be.
func (i *Instance) Running() bool {
	if i.process == nil {
		return i.spec.Kind == KindRunning
	}
	if conn, err := net.Dial("tcp", i.ingress); err == nil {
		_ = conn.Close() // it was opened to see whether that works
		return true
	}
	// One that dies does not listen any more some time before it is known to have ended.
	select {
	case <-i.process.Done():
		return false
	case <-time.After(endWithin):
		return true
	}
}

// Stop ends the server gently. A server that somebody else started is left alone.
func (i *Instance) Stop() {
	if i.process != nil {
		i.process.Stop(stopTimeout)
		i.process = nil
	}
}

// Kill ends the server like a crash would.
func (i *Instance) Kill() {
	if i.process != nil {
		i.process.Kill()
		i.process = nil
	}
}

// Remove kills the server and deletes its data.
func (i *Instance) Remove() error {
	i.Kill()
	if i.dir == "" {
		return nil
	}
	if err := os.RemoveAll(i.dir); err != nil {
		return fmt.Errorf("remove the data of %s: %w", i.spec.Name, err)
	}
	return nil
}
