package process

import (
	"context"
	"os"
	"path/filepath"
)

// Server is a server that runs on a directory of its own.
type Server struct {
	Name           string // for people
	Admin, Ingress string // base URLs
	Proc           *Process
}

// StartServer starts this server, or the reference server if reference is its binary, on free ports
// and on a folder below dir. Settings are names of environment variables without their prefix, and
// values.
func StartServer(ctx context.Context, dir, own, reference string, settings map[string]string) (
	*Server, error,
) {
	at, err := FreeAddresses(3)
	if err != nil {
		return nil, err
	}
	s := &Server{Name: "this server", Admin: "http://" + at[0], Ingress: "http://" + at[1]}
	data := filepath.Join(dir, "data-own")
	argv := []string{own, "serve", "--base-dir", data}
	prefix := "PERDURE_"
	if reference != "" {
		s.Name, data, prefix = "the reference server", filepath.Join(dir, "data-reference"), "RESTATE_"
		argv = []string{reference}
	}
	env := []string{
		prefix + "BASE_DIR=" + data, prefix + "LISTEN_MODE=tcp", prefix + "ADMIN__BIND_ADDRESS=" + at[0],
		prefix + "INGRESS__BIND_ADDRESS=" + at[1], prefix + "BIND_ADDRESS=" + at[2], "DO_NOT_TRACK=1",
	}
	for name, value := range settings {
		env = append(env, prefix+name+"="+value)
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		return nil, err
	}
	log := filepath.Join(dir, filepath.Base(argv[0])+".log")
	if s.Proc, err = Start(log, nil, env, argv[0], argv[1:]...); err != nil {
		return nil, err
	}
	err = s.Proc.Await(ctx, s.Name, func(ctx context.Context) bool {
		return Healthy(ctx, s.Admin+"/health") && Healthy(ctx, s.Ingress+"/restate/health")
	})
	if err != nil {
		s.Proc.Kill()
		return nil, err
	}
	return s, nil
}

// StartServices starts the scenario services in Go, named with the prefix Go, and returns their
// address.
func StartServices(ctx context.Context, dir, binary string) (string, *Process, error) {
	free, err := FreeAddresses(1)
	if err != nil {
		return "", nil, err
	}
	p, err := Start(filepath.Join(dir, "goservice.log"), nil, nil, binary,
		"-listen", free[0], "-prefix", "Go", "-effects", filepath.Join(dir, "effects"))
	if err != nil {
		return "", nil, err
	}
	err = p.Await(ctx, "the services", func(ctx context.Context) bool { return Accepts(ctx, free[0]) })
	if err != nil {
		p.Kill()
		return "", nil, err
	}
	return "http://" + free[0], p, nil
}
