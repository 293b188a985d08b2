package pgtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/chaos/process"
)

const (
	user     = "ann"
	password = "a p'ssword"
)

// server is the server that all tests ask; TestMain starts and stops it.
var server struct{ host, port string }

func TestMain(m *testing.M) {
	code := 1
	if err := serving(func() { code = m.Run() }); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		code = 1
	}
	os.Exit(code)
}

// serving runs a server with some invocations while f runs.
func serving(f func()) error {
	for name, install := range map[string]string{
		"psql": "postgresql-client", "java": "a JDK, 17 or newer", "javac": "a JDK, 17 or newer", "mvn": "maven",
	} {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("%s is needed and not on the PATH: install %s: %w", name, install, err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "pgtest-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary, services, err := process.Build(ctx, dir)
	if err != nil {
		return err
	}
	at, err := process.FreeAddresses(5)
	if err != nil {
		return err
	}
	svc, err := process.Start(filepath.Join(dir, "services.log"), nil, nil, services, "-listen", at[3],
		"-prefix", "Go", "-effects", filepath.Join(dir, "effects"))
	if err != nil {
		return err
	}
	defer svc.Kill()
	passwords := filepath.Join(dir, "password")
	if err := os.WriteFile(passwords, []byte(password+"\n"), 0o600); err != nil {
		return err
	}
	host, port, _ := strings.Cut(at[4], ":")
	p, err := process.Start(filepath.Join(dir, "server.log"), nil, []string{
		"PERDURE_BASE_DIR=" + filepath.Join(dir, "data"), "PERDURE_LISTEN_MODE=tcp",
		"PERDURE_ADMIN__BIND_ADDRESS=" + at[0], "PERDURE_INGRESS__BIND_ADDRESS=" + at[1],
		"PERDURE_BIND_ADDRESS=" + at[2], "PERDURE_DEFAULT_NUM_PARTITIONS=4",
		"PERDURE_ADMIN__POSTGRES__ENABLED=true", "PERDURE_ADMIN__POSTGRES__BIND_IP=" + host,
		"PERDURE_ADMIN__POSTGRES__BIND_PORT=" + port, "PERDURE_ADMIN__POSTGRES__USER=" + user,
		"PERDURE_ADMIN__POSTGRES__PASSWORD_FILE=" + passwords,
	}, binary, "serve")
	if err != nil {
		return err
	}
	defer p.Kill()
	server.host, server.port = host, port
	if err := p.Await(ctx, "the server", func(ctx context.Context) bool {
		return process.Healthy(ctx, "http://"+at[0]+"/health") && process.Accepts(ctx, at[3]) &&
			process.Accepts(ctx, at[4])
	}); err != nil {
		return err
	}
	if err := fixture(ctx, "http://"+at[0], "http://"+at[1], "http://"+at[3]); err != nil {
		return fmt.Errorf("make invocations: %w", err)
	}
	f()
	return nil
}

// fixture registers the services and calls them: three invocations have ended, one waits.
func fixture(ctx context.Context, admin, ingress, services string) error {
	return errors.Join(
		post(ctx, admin+"/deployments", map[string]string{"uri": services}),
		post(ctx, ingress+"/GoBasic/echo", "hello"),
		post(ctx, ingress+"/GoStore/k1/set", map[string]string{"key": "name", "value": "Ada"}),
		post(ctx, ingress+"/GoStore/k2/set", map[string]string{"key": "name", "value": "Bob"}),
		post(ctx, ingress+"/GoBasic/echo/send?delay=1h", "later"),
	)
}

func post(ctx context.Context, url string, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(b))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode/100 != 2 {
		return fmt.Errorf("POST %s: %s: %s: %w", url, res.Status, text, err)
	}
	return nil
}
