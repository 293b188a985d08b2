package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/perdure/perdure/chaos/process"
)

// Services is the process that serves the scenario with one SDK.
type Services struct {
	sdk     string
	prefix  string
	address string
	effects string // file with one line per side effect
	tap     *tap   // what stands before the process; nil unless checks look at frames

	log  string
	show bool
	argv []string
	proc *process.Process
}

// startServices builds or installs the services of one SDK and starts them.
func startServices(ctx context.Context, sdk, dir string, show bool) (*Services, error) {
	free, err := process.FreeAddresses(1)
	if err != nil {
		return nil, err
	}
	s := &Services{
		sdk:     sdk,
		address: free[0],
		effects: filepath.Join(dir, sdk+".effects"),
		log:     filepath.Join(dir, sdk+".log"),
		show:    show,
	}
	kit, known := kits[sdk]
	if !known {
		return nil, fmt.Errorf("no services for SDK %q: %s are there", sdk, knownSDKs())
	}
	s.prefix = kit.prefix
	if s.argv, err = kit.prepare(ctx, dir); err != nil {
		return nil, fmt.Errorf("make the %s services: %w", sdk, err)
	}
	s.argv = append(s.argv, "--listen", s.address, "--prefix", s.prefix, "--effects", s.effects)
	return s, s.start(ctx)
}

func (s *Services) service(name string) string { return s.prefix + name }

func (s *Services) url() string { return "http://" + s.address }

// start starts the process and waits until it accepts connections.
func (s *Services) start(ctx context.Context) error {
	proc, err := process.Start(s.log, shown(s.show), nil, s.argv[0], s.argv[1:]...)
	if err != nil {
		return err
	}
	s.proc = proc
	err = proc.Await(ctx, "the "+s.sdk+" service process", func(ctx context.Context) bool {
		return process.Accepts(ctx, s.address)
	})
	if err != nil {
		proc.Kill()
	}
	return err
}

func (s *Services) kill() { s.proc.Kill() }

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
