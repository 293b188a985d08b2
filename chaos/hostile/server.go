package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/perdure/perdure/chaos/process"
)

// server is the process under test. It can be killed and started on the same directory again.
type server struct {
	ingress, admin string // host and port
	argv           []string
	log            string
	proc           *process.Process
}

// startServer builds the server, unless there is a binary, and starts it on a fresh directory.
func startServer(ctx context.Context, opts options) (*server, error) {
	binary := opts.server
	if binary == "" {
		var err error
		if binary, err = process.GoBuild(ctx, "./cmd/perdure", opts.dir); err != nil {
			return nil, fmt.Errorf("build the server: %w", err)
		}
	}
	address, err := process.FreeAddresses(3)
	if err != nil {
		return nil, err
	}
	s := &server{ingress: address[0], admin: address[1], log: filepath.Join(opts.dir, "server.log")}
	s.argv = []string{
		binary, "serve", "--base-dir", filepath.Join(opts.dir, "data"), "--listen-mode", "tcp",
		"--ingress-bind-address", address[0], "--admin-bind-address", address[1],
		"--bind-address", address[2],
	}
	return s, s.start(ctx)
}

// start starts the process and waits until both APIs answer.
func (s *server) start(ctx context.Context) (err error) {
	if s.proc, err = process.Start(s.log, nil, nil, s.argv[0], s.argv[1:]...); err != nil {
		return err
	}
	err = s.proc.Await(ctx, "the server", func(ctx context.Context) bool {
		return process.Healthy(ctx, "http://"+s.admin+"/health") &&
			process.Healthy(ctx, "http://"+s.ingress+"/restate/health")
	})
	if err != nil {
		s.kill()
	}
	return err
}

// kill ends the process as a power cut would, and waits for its end.
func (s *server) kill() { s.proc.Kill() }

// resident is the memory that the process has in RAM, in bytes; 0 where the system does not tell.
func (s *server) resident() (int64, error) {
	now, _, err := s.proc.Memory()
	return now, err
}
