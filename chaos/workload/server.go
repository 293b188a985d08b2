package workload

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/perdure/perdure/chaos/process"
)

// Server is the server under torment.
type Server struct {
	// Binary is the program, Dir the data directory, Log where its output goes.
	Binary, Dir, Log string
	// Addresses it listens on, host and port.
	Ingress, Admin, Fabric string

	proc *process.Process
}

// Start runs the server and reports how long it took until it could serve.
func (s *Server) Start(ctx context.Context) (took time.Duration, err error) {
	began := time.Now()
	env := []string{"PERDURE_LISTEN_MODE=tcp", "PERDURE_BIND_ADDRESS=" + s.Fabric,
		"PERDURE_INGRESS__BIND_ADDRESS=" + s.Ingress, "PERDURE_ADMIN__BIND_ADDRESS=" + s.Admin}
	s.proc, err = process.Start(s.Log, nil, env, s.Binary,
		"serve", "--base-dir", s.Dir, "--node-name", "n1")
	if err != nil {
		return 0, err
	}
	err = s.proc.Await(ctx, "the server", func(ctx context.Context) bool {
		return process.Healthy(ctx, "http://"+s.Ingress+"/restate/health")
	})
	if err != nil {
		s.Kill()
	}
	return time.Since(began), err
}

// Await asks until yes says so. It fails when the server ends meanwhile.
func (s *Server) Await(ctx context.Context, what string, yes func(context.Context) bool) error {
	return s.proc.Await(ctx, "the server, which is "+what+",", yes)
}

// Kill ends the server at once and waits for its end.
func (s *Server) Kill() { s.proc.Kill() }

// Stalls asks the server whether it has found an invocation that nothing would ever wake.
func (s *Server) Stalls(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Admin+"/internal/stalls", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask for stalls: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("ask for stalls: %w", err)
	}
	var found struct {
		Stalls []json.RawMessage `json:"stalls"`
	}
	if err := json.Unmarshal(text, &found); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ask for stalls: %s: %s", resp.Status, text)
	}
	if len(found.Stalls) > 0 {
		return fmt.Errorf("the server found %d stalled invocations: %s", len(found.Stalls), text)
	}
	return nil
}

// Register tells the server of a service at an address.
func (s *Server) Register(service string) error {
	body := fmt.Sprintf(`{"uri":"http://%s"}`, service)
	resp, err := http.Post("http://"+s.Admin+"/deployments", "application/json",
		bytes.NewReader([]byte(body)))
	if err != nil {
		return fmt.Errorf("register the service: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		text, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("register the service: %s: %s", resp.Status, text)
	}
	return nil
}
