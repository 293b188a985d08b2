package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	startTimeout = 60 * time.Second
	// The server's ports lie below the ephemeral range, where no outgoing connection can take them
	// while it is down.
	firstPort, lastPort = 20000, 32000
)

// server is the process under test. It can be killed and started on the same directory again.
type server struct {
	ingress, admin string // host and port
	argv           []string
	log            string
	cmd            *exec.Cmd
	done           chan struct{} // closed when the process has ended
}

// startServer builds the server, unless there is a binary, and starts it on a fresh directory.
func startServer(ctx context.Context, opts options) (*server, error) {
	binary := opts.server
	if binary == "" {
		out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
		if err != nil {
			return nil, fmt.Errorf("ask go for the module: %w", err)
		}
		binary = filepath.Join(opts.dir, "perdure")
		build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/perdure")
		build.Dir = filepath.Dir(strings.TrimSpace(string(out)))
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build the server: %w\n%s", err, out)
		}
	}
	var address [3]string
	for i := range address {
		var err error
		if address[i], err = freeAddress(); err != nil {
			return nil, err
		}
	}
	s := &server{ingress: address[0], admin: address[1], log: filepath.Join(opts.dir, "server.log")}
	s.argv = []string{
		binary, "serve", "--base-dir", filepath.Join(opts.dir, "data"), "--listen-mode", "tcp",
		"--ingress-bind-address", address[0], "--admin-bind-address", address[1],
		"--bind-address", address[2],
	}
	return s, s.start(ctx)
}

func freeAddress() (string, error) {
	for range 1000 {
		address := "127.0.0.1:" + strconv.Itoa(firstPort+rand.IntN(lastPort-firstPort))
		if l, err := net.Listen("tcp", address); err == nil {
			return address, l.Close()
		}
	}
	return "", fmt.Errorf("no free port between %d and %d", firstPort, lastPort)
}

// start starts the process and waits until both APIs answer.
func (s *server) start(ctx context.Context) error {
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open the server's log: %w", err)
	}
	defer log.Close() // the process has its own handle
	cmd := exec.Command(s.argv[0], s.argv[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	done := make(chan struct{})
	s.cmd, s.done = cmd, done
	go func() {
		defer close(done)
		_ = cmd.Wait() // it ends by a signal
	}()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !answers(ctx, "http://"+s.admin+"/health") || !answers(ctx,
		"http://"+s.ingress+"/restate/health") {
		select {
		case <-done:
			return fmt.Errorf("the server ended before it answered:\n%s", s.tail())
		case <-ctx.Done():
			s.kill()
			return fmt.Errorf("the server does not answer: %w; its last words:\n%s", ctx.Err(),
				s.tail())
		case <-tick.C:
		}
	}
	return nil
}

func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// kill ends the process as a power cut would, and waits for its end.
func (s *server) kill() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Kill() // gone already: nothing to do
		<-s.done
	}
}

// resident is the memory that the process has in RAM, in bytes; 0 where the system does not tell.
func (s *server) resident() (int64, error) {
	select {
	case <-s.done:
		return 0, fmt.Errorf("the server has ended:\n%s", s.tail())
	default:
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if os.IsNotExist(err) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the server's memory: %w", err)
	}
	for line := range bytes.Lines(status) {
		if f := bytes.Fields(line); len(f) == 3 && string(f[0]) == "VmRSS:" {
			kib, err := strconv.ParseInt(string(f[1]), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("no VmRSS in %q", status)
}

// tail returns the last lines of the log, for messages.
func (s *server) tail() string {
	const most = 4000
	data, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	if i := bytes.Index(data, []byte("\npanic: ")); i >= 0 {
		data = data[i:]
		return string(data[:min(len(data), most)])
	}
	return string(data[max(0, len(data)-most):])
}
