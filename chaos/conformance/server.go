package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// peerVersion is the reference server that the expectations were proven on.
const peerVersion = "1.7.12"

// Server is a server started by the suite. It can be killed and started on the same
// directory and ports again.
type Server struct {
	ingress, admin string // base URLs
	data           string // its data directory

	log  string
	show bool
	env  []string
	argv []string
	proc *process
}

// ports of one server, in the order they are handed out.
type ports struct{ ingress, admin, node int }

func (p ports) address(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

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
		if l.binary, err = goBuild(ctx, "./cmd/perdure", dir); err != nil {
			return nil, fmt.Errorf("build the server: %w", err)
		}
	case "restate":
		if l.binary, err = installPeer(ctx); err != nil {
			return nil, fmt.Errorf("install the reference server: %w", err)
		}
	}
	return l, nil
}

// start starts a server on a fresh directory below dir. Settings are environment variables,
// with the prefix that both perdure and restate read; other servers are started without.
func (l *launcher) start(ctx context.Context, dir string, settings ...string) (*Server, error) {
	var p ports
	for _, port := range []*int{&p.ingress, &p.admin, &p.node} {
		var err error
		if *port, err = freePort(); err != nil {
			return nil, err
		}
	}
	s := &Server{
		ingress: "http://" + p.address(p.ingress),
		admin:   "http://" + p.address(p.admin),
		data:    filepath.Join(dir, "data"),
		log:     filepath.Join(dir, "server.log"),
		show:    l.show,
	}
	if err := os.MkdirAll(s.data, 0o755); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	l.command(s, p)
	s.env = append(s.env, settings...)
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// command fills in how the server is started.
func (l *launcher) command(s *Server, p ports) {
	s.env = []string{
		"RESTATE_BASE_DIR=" + s.data,
		"RESTATE_INGRESS__BIND_ADDRESS=" + p.address(p.ingress),
		"RESTATE_ADMIN__BIND_ADDRESS=" + p.address(p.admin),
		"RESTATE_BIND_ADDRESS=" + p.address(p.node),
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
		fill := strings.NewReplacer("{dir}", s.data, "{ingress}", p.address(p.ingress),
			"{admin}", p.address(p.admin), "{node}", p.address(p.node))
		s.argv, s.env = []string{"sh", "-c", "exec " + fill.Replace(l.name)}, nil
	}
}

// installPeer returns the reference server's binary, installed by npm when it is missing.
func installPeer(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "perdure-peer")
	pattern := filepath.Join(dir, "node_modules", "@restatedev", "restate-server-*", "bin",
		"restate-server")
	found, err := filepath.Glob(pattern)
	if err == nil && len(found) > 0 {
		return found[0], nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	pkg := "@restatedev/restate-server@" + peerVersion
	if err := npm(ctx, dir, "install", "--prefix", dir, pkg); err != nil {
		return "", err
	}
	if found, err = filepath.Glob(pattern); err != nil || len(found) == 0 {
		return "", fmt.Errorf("%s has no binary for this platform", pkg)
	}
	return found[0], nil
}

// start starts the process and waits until both APIs answer.
func (s *Server) start(ctx context.Context) error {
	proc, err := spawn(s.log, s.show, s.env, s.argv[0], s.argv[1:]...)
	if err != nil {
		return err
	}
	s.proc = proc
	err = proc.await(ctx, "the server", func(ctx context.Context) bool {
		return healthy(ctx, s.admin+"/health") && healthy(ctx, s.ingress+"/restate/health")
	})
	if err != nil {
		proc.kill()
	}
	return err
}

func (s *Server) kill() { s.proc.kill() }
