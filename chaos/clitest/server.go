package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/perdure/perdure/chaos/process"
)

// server is a server that runs on a directory of its own.
type server struct {
	name           string
	admin, ingress string // base URLs
	proc           *process.Process
}

// startServer starts this server, or the reference server if reference is its binary.
func startServer(ctx context.Context, dir, own, reference string) (*server, error) {
	at, err := process.FreeAddresses(3)
	if err != nil {
		return nil, err
	}
	s := &server{name: "this server", admin: "http://" + at[0], ingress: "http://" + at[1]}
	data := filepath.Join(dir, "data-own")
	argv := []string{own, "serve", "--base-dir", data}
	prefix := "PERDURE_"
	if reference != "" {
		s.name, data, prefix = "the reference server", filepath.Join(dir, "data-reference"), "RESTATE_"
		argv = []string{reference}
	}
	env := []string{
		prefix + "BASE_DIR=" + data, prefix + "LISTEN_MODE=tcp", prefix + "ADMIN__BIND_ADDRESS=" + at[0],
		prefix + "INGRESS__BIND_ADDRESS=" + at[1], prefix + "BIND_ADDRESS=" + at[2], "DO_NOT_TRACK=1",
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		return nil, err
	}
	log := filepath.Join(dir, filepath.Base(argv[0])+".log")
	if s.proc, err = process.Start(log, nil, env, argv[0], argv[1:]...); err != nil {
		return nil, err
	}
	err = s.proc.Await(ctx, s.name, func(ctx context.Context) bool {
		return process.Healthy(ctx, s.admin+"/health") &&
			process.Healthy(ctx, s.ingress+"/restate/health")
	})
	if err != nil {
		s.proc.Kill()
		return nil, err
	}
	return s, nil
}

// startServices starts the scenario services and returns their address.
func startServices(ctx context.Context, dir, binary string) (string, *process.Process, error) {
	free, err := process.FreeAddresses(1)
	if err != nil {
		return "", nil, err
	}
	p, err := process.Start(filepath.Join(dir, "goservice.log"), nil, nil, binary,
		"-listen", free[0], "-prefix", "Go", "-effects", filepath.Join(dir, "effects"))
	if err != nil {
		return "", nil, err
	}
	err = p.Await(ctx, "the services", func(ctx context.Context) bool {
		return process.Accepts(ctx, free[0])
	})
	if err != nil {
		p.Kill()
		return "", nil, err
	}
	return "http://" + free[0], p, nil
}
