package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Services is the process that serves the scenario with one SDK.
type Services struct {
	sdk     string
	prefix  string
	address string
	effects string // file with one line per side effect

	log  string
	show bool
	argv []string
	proc *process
}

// startServices builds or installs the services of one SDK and starts them.
func startServices(ctx context.Context, sdk, dir string, show bool) (*Services, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &Services{
		sdk:     sdk,
		address: fmt.Sprintf("127.0.0.1:%d", port),
		effects: filepath.Join(dir, sdk+".effects"),
		log:     filepath.Join(dir, sdk+".log"),
		show:    show,
	}
	switch sdk {
	case "go":
		s.prefix = "Go"
		binary, err := goBuild(ctx, "./chaos/scenario/goservice", dir)
		if err != nil {
			return nil, fmt.Errorf("build the go services: %w", err)
		}
		s.argv = []string{binary}
	case "ts":
		s.prefix = "Ts"
		folder, err := installScripts(ctx)
		if err != nil {
			return nil, fmt.Errorf("install the ts services: %w", err)
		}
		node := filepath.Join(folder, "node_modules", ".bin", "node")
		s.argv = []string{node, filepath.Join(folder, "service.mjs")}
	default:
		return nil, fmt.Errorf("no services for SDK %q: go and ts are there", sdk)
	}
	s.argv = append(s.argv, "--listen", s.address, "--prefix", s.prefix, "--effects", s.effects)
	return s, s.start(ctx)
}

// installScripts copies the TypeScript services into the user's cache and has npm install
// what they import, Node itself included, unless that was done before.
func installScripts(ctx context.Context) (string, error) {
	root, err := moduleRoot(ctx)
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	source := filepath.Join(root, "chaos", "scenario", "tsservice")
	target := filepath.Join(cache, "perdure-scenario")
	if err := os.MkdirAll(target, 0o755); err != nil {
		return "", err
	}
	names, err := filepath.Glob(filepath.Join(source, "*.mjs"))
	if err != nil || len(names) == 0 {
		return "", fmt.Errorf("no scripts in %s", source)
	}
	for _, name := range append(names, filepath.Join(source, "package.json")) {
		if _, err := copyFile(name, target); err != nil {
			return "", err
		}
	}
	changed, err := copyFile(filepath.Join(source, "package-lock.json"), target)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(target, "node_modules", ".bin", "node")); err != nil {
		changed = true
	}
	if changed {
		if err := npm(ctx, target, "ci"); err != nil {
			// Without the lock file here the next run installs again.
			return "", errors.Join(err, os.Remove(filepath.Join(target, "package-lock.json")))
		}
	}
	if _, err := os.Stat(filepath.Join(target, "node_modules", ".bin", "node")); err != nil {
		return "", fmt.Errorf("npm has no Node for %s/%s: %w", runtime.GOOS, runtime.GOARCH, err)
	}
	return target, nil
}

// copyFile copies a file into a folder and tells whether that changed anything.
func copyFile(name, folder string) (bool, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return false, err
	}
	target := filepath.Join(folder, filepath.Base(name))
	if old, err := os.ReadFile(target); err == nil && string(old) == string(data) {
		return false, nil
	}
	return true, os.WriteFile(target, data, 0o644)
}

func (s *Services) service(name string) string { return s.prefix + name }

func (s *Services) url() string { return "http://" + s.address }

// start starts the process and waits until it accepts connections.
func (s *Services) start(ctx context.Context) error {
	proc, err := spawn(s.log, s.show, nil, s.argv[0], s.argv[1:]...)
	if err != nil {
		return err
	}
	s.proc = proc
	err = proc.await(ctx, "the "+s.sdk+" service process", func(context.Context) bool {
		conn, err := net.DialTimeout("tcp", s.address, time.Second)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
	if err != nil {
		proc.kill()
	}
	return err
}

func (s *Services) kill() { s.proc.kill() }

// count returns how often a side effect has happened, over all lives of the process.
func (s *Services) count(name string) (int, error) {
	file, err := os.Open(s.effects)
	if err != nil {
		return 0, fmt.Errorf("read side effects: %w", err)
	}
	defer file.Close()
	n := 0
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == name {
			n++
		}
	}
	return n, lines.Err()
}
