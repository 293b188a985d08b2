package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/perdure/perdure/chaos/process"
)

// Server is a server started by the suite. It can be killed and started on the same
// directory and ports again.
type Server struct {
	ingress, admin string // base URLs
	data           string // its data directory

	log  string
	show bool
	env  []string
	argv []string
	proc *process.Process
}

// addresses of one server: host and port.
type addresses struct{ ingress, admin, node string }

// launcher starts servers of one kind, which was built or installed before.
type launcher struct {
	name   string // perdure, restate or a command line
	binary string // of the first two
	show   bool   // their output
}

// newLauncher builds or installs the server that name stands for, into dir if it is built.
func newLauncher(ctx context.Context, name, dir string, show bool) (*launcher, error) {
	l := &launcher{name: name, show: show}
	var err error
	switch name {
	case "perdure":
		if l.binary, err = process.GoBuild(ctx, "./cmd/perdure", dir); err != nil {
			return nil, fmt.Errorf("build the server: %w", err)
		}
	case "restate":
		if l.binary, err = process.Reference(ctx, "restate-server"); err != nil {
			return nil, fmt.Errorf("install the reference server: %w", err)
		}
	}
	return l, nil
}

// start starts a server on a fresh directory below dir. Settings are environment variables,
// with the prefix that both perdure and restate read; other servers are started without.
func (l *launcher) start(ctx context.Context, dir string, settings ...string) (*Server, error) {
	free, err := process.FreeAddresses(3)
	if err != nil {
		return nil, err
	}
	a := addresses{ingress: free[0], admin: free[1], node: free[2]}
	s := &Server{
		ingress: "http://" + a.ingress,
		admin:   "http://" + a.admin,
		data:    filepath.Join(dir, "data"),
		log:     filepath.Join(dir, "server.log"),
		show:    l.show,
	}
	if err := os.MkdirAll(s.data, 0o755); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	l.command(s, a)
	s.env = append(s.env, settings...)
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// command fills in how the server is started.
func (l *launcher) command(s *Server, a addresses) {
	s.env = []string{
		"RESTATE_BASE_DIR=" + s.data,
		"RESTATE_INGRESS__BIND_ADDRESS=" + a.ingress,
		"RESTATE_ADMIN__BIND_ADDRESS=" + a.admin,
		"RESTATE_BIND_ADDRESS=" + a.node,
		"RESTATE_LISTEN_MODE=tcp",
		"RESTATE_WORKER__CLEANUP_INTERVAL=1s",
		"DO_NOT_TRACK=1",
	}
	switch l.name {
	case "perdure":
		s.argv = []string{l.binary, "serve"}
	case "restate":
		s.argv = []string{l.binary}
	default:
		fill := strings.NewReplacer("{dir}", s.data, "{ingress}", a.ingress,
			"{admin}", a.admin, "{node}", a.node)
		s.argv, s.env = []string{"sh", "-c", "exec " + fill.Replace(l.name)}, nil
	}
}

// start starts the process and waits until both APIs answer.
func (s *Server) start(ctx context.Context) error {
	proc, err := process.Start(s.log, shown(s.show), s.env, s.argv[0], s.argv[1:]...)
	if err != nil {
		return err
	}
	s.proc = proc
	err = proc.Await(ctx, "the server", func(ctx context.Context) bool {
		return process.Healthy(ctx, s.admin+"/health") && process.Healthy(ctx, s.ingress+"/restate/health")
	})
	if err != nil {
		proc.Kill()
	}
	return err
}

func (s *Server) kill() { s.proc.Kill() }

// shown is where the output of processes goes if it is to be shown.
func shown(show bool) io.Writer {
	if show {
		return os.Stderr
	}
	return nil
}
