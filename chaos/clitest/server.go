package main

import (
	"context"
	"errors"
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

// version is that of the command line and of the reference server.
const version = "1.7.12"

const (
	startTimeout = 60 * time.Second  // until a started process answers
	buildTimeout = 600 * time.Second // go build or npm, on a cold cache

	// Ports lie below the ephemeral range, where no outgoing connection can take them meanwhile.
	firstPort = 20000
	lastPort  = 32000
)

// server is a server that runs on a directory of its own.
type server struct {
	name           string
	admin, ingress string // base URLs
	proc           *process
}

// process is a child in a process group of its own.
type process struct {
	cmd  *exec.Cmd
	log  *os.File
	done chan struct{} // closed when the child has ended
}

// startProcess starts a command whose output goes to a file below dir and waits until ready says
// so.
func startProcess(
	ctx context.Context, dir, name string, env, argv []string, ready func(context.Context) bool,
) (*process, error) {
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(argv[0], argv[1:]...), log: log, done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		log.Close()
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // it ends by a signal; how it ended is in its log
	}()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !ready(ctx) {
		select {
		case <-p.done:
			err = errors.New("it ended")
		case <-ctx.Done():
			err = ctx.Err()
		case <-tick.C:
			continue
		}
		p.kill()
		words, _ := os.ReadFile(log.Name()) // for the message only
		return nil, fmt.Errorf("%s does not answer: %w; it said:\n%s", name, err, words)
	}
	return p, nil
}

// kill ends the whole group and waits for it.
func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // gone already: nothing to do
	<-p.done
	p.log.Close()
}

// startServer starts this server, or the reference server if reference is its binary.
func startServer(ctx context.Context, dir, own, reference string) (*server, error) {
	var ports [3]int
	for i := range ports {
		var err error
		if ports[i], err = freePort(); err != nil {
			return nil, err
		}
	}
	at := func(i int) string { return "127.0.0.1:" + strconv.Itoa(ports[i]) }
	s := &server{name: "this server", admin: "http://" + at(0), ingress: "http://" + at(1)}
	data := filepath.Join(dir, "data-own")
	argv := []string{own, "serve", "--base-dir", data}
	prefix := "PERDURE_"
	if reference != "" {
		s.name, data, prefix = "the reference server", filepath.Join(dir, "data-reference"), "RESTATE_"
		argv = []string{reference}
	}
	env := []string{
		prefix + "BASE_DIR=" + data, prefix + "LISTEN_MODE=tcp", prefix + "ADMIN__BIND_ADDRESS=" + at(0),
		prefix + "INGRESS__BIND_ADDRESS=" + at(1), prefix + "BIND_ADDRESS=" + at(2), "DO_NOT_TRACK=1",
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		return nil, err
	}
	ready := func(ctx context.Context) bool {
		return healthy(ctx, s.admin+"/health") && healthy(ctx, s.ingress+"/restate/health")
	}
	var err error
	s.proc, err = startProcess(ctx, dir, filepath.Base(argv[0]), env, argv, ready)
	return s, err
}

// startServices starts the scenario services and returns their address.
func startServices(ctx context.Context, dir, binary string) (string, *process, error) {
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	address := "127.0.0.1:" + strconv.Itoa(port)
	argv := []string{binary, "-listen", address, "-prefix", "Go",
		"-effects", filepath.Join(dir, "effects")}
	p, err := startProcess(ctx, dir, "goservice", nil, argv, func(ctx context.Context) bool {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
	return "http://" + address, p, err
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
	return res.Body.Close() == nil && res.StatusCode == http.StatusOK
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

// build builds a main package of the module into dir.
func build(ctx context.Context, pkg, dir string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("ask go for the module: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(out)))
	binary := filepath.Join(dir, filepath.Base(pkg))
	return binary, tool(ctx, root, "go", "build", "-o", binary, pkg)
}

// install has npm put a package into the cache unless it is there, and returns its binary.
func install(ctx context.Context, folder, pkg, binary string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, folder)
	pattern := filepath.Join(dir, "node_modules", "@restatedev", pkg+"-*", "bin", binary)
	if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
		return found[0], nil
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return "", fmt.Errorf("npm is needed and not on the PATH: install Node.js with npm: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	name := "@restatedev/" + pkg + "@" + version
	if err := tool(ctx, dir, "npm", "install", "--prefix", dir, name,
		"--ignore-scripts", "--no-audit", "--no-fund"); err != nil {
		return "", err
	}
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("%s has no binary for this platform", name)
	}
	return found[0], nil
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
