package main

import (
	"bufio"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/perdure/perdure/chaos/process"
)

//go:embed driver.mjs side.mjs steps.mjs pages.mjs operations.mjs
var scripts embed.FS

const (
	driveTimeout = 20 * time.Minute
	maxLineBytes = 16 << 20
)

func main() {
	shots := flag.String("shots", "", "folder for a picture of each step on both servers")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	began, ran, failed := time.Now(), 0, 0
	err := run(ctx, *shots, func(r result) {
		ran++
		verdict := "ok  "
		if r.Problem != "" {
			verdict = "FAIL"
			failed++
		}
		fmt.Printf("%s %6.1fs %s\n%s", verdict, time.Since(began).Seconds(), r.Step, r.Problem)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "uitest:", err)
		os.Exit(2)
	}
	fmt.Printf("%d steps, %d failed\n", ran, failed)
	if failed > 0 {
		os.Exit(1)
	}
}

// settings hold still what would change while people look: nothing is suspended or retried, unless
// the service says so. Both servers speak the newest service protocol, which only this one does
// without being told.
var settings = map[string]string{
	"EXPERIMENTAL_ENABLE_PROTOCOL_V7":        "true",
	"WORKER__INVOKER__INACTIVITY_TIMEOUT":    "1h",
	"DEFAULT_RETRY_POLICY__INITIAL_INTERVAL": "1h",
	"DEFAULT_RETRY_POLICY__MAX_INTERVAL":     "1h",
}

// run clicks through the web UI of both servers and reports each step.
func run(ctx context.Context, shots string, report func(result)) error {
	dir, err := os.MkdirTemp("", "uitest-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	reference, err := process.Reference(ctx, "restate-server")
	if err != nil {
		return fmt.Errorf("install the reference server: %w", err)
	}
	chromium, err := process.Browser(ctx)
	if err != nil {
		return err
	}
	playwright, err := process.Playwright(ctx)
	if err != nil {
		return fmt.Errorf("install playwright-core: %w", err)
	}
	own, services, err := process.Build(ctx, dir)
	if err != nil {
		return err
	}
	theirs, err := process.StartServer(ctx, dir, own, reference, settings)
	if err != nil {
		return err
	}
	defer theirs.Proc.Kill()
	bundle := filepath.Join(dir, "bundle")
	if err := copyBundle(ctx, theirs.Admin, bundle); err != nil {
		return err
	}
	withBundle := map[string]string{"ADMIN__WEB_UI_BUNDLE": bundle}
	maps.Copy(withBundle, settings)
	ours, err := process.StartServer(ctx, dir, own, "", withBundle)
	if err != nil {
		return err
	}
	defer ours.Proc.Kill()

	sides := []side{{Name: "reference"}, {Name: "own"}}
	for i, server := range []*process.Server{theirs, ours} {
		s := &sides[i]
		s.Admin, s.Ingress = server.Admin, server.Ingress
		// Each has services of its own: what they count is the same on both.
		home := filepath.Join(dir, s.Name)
		if err := os.Mkdir(home, 0o755); err != nil {
			return err
		}
		uri, proc, err := process.StartServices(ctx, home, services)
		if err != nil {
			return err
		}
		defer proc.Kill()
		s.Services = uri
	}
	return drive(ctx, dir, playwright, map[string]any{
		"chromium": chromium, "shots": shots, "sides": sides,
	}, report)
}

// side is one server, and the services that it gets.
type side struct {
	Name     string `json:"name"`
	Admin    string `json:"admin"`
	Ingress  string `json:"ingress"`
	Services string `json:"services"`
}

// result is what came of one step; Problem is empty if it is fine.
type result struct {
	Step    string `json:"step"`
	Problem string `json:"problem"`
	Done    bool   `json:"done"` // all steps were made, and this is none
}

// drive runs the driver, which prints one result a line.
func drive(
	ctx context.Context, dir, playwright string, config map[string]any, report func(result),
) error {
	ctx, cancel := context.WithTimeout(ctx, driveTimeout)
	defer cancel()
	// Node looks for packages in the folders above a script.
	if err := os.Symlink(filepath.Join(playwright, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		return fmt.Errorf("link playwright-core: %w", err)
	}
	if err := os.CopyFS(filepath.Join(dir, "driver"), scripts); err != nil {
		return fmt.Errorf("write the driver: %w", err)
	}
	text, err := json.Marshal(config)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "node", filepath.Join(dir, "driver", "driver.mjs"), string(text))
	// Chromium's children end with it, also when the driver is cut off.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var words strings.Builder
	cmd.Stderr = &words
	// Kept open, so that the driver ends when this process does, however it does.
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the driver: %w", err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, maxLineBytes)
	done := false
	var bad error
	for lines.Scan() {
		var r result
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			bad = fmt.Errorf("read what the driver says: %w: %q", err, lines.Text())
			break
		}
		if done = r.Done; !done {
			report(r)
		}
	}
	if bad == nil {
		bad = lines.Err()
	}
	if bad != nil {
		_ = cmd.Cancel() // nobody listens to it any more
	}
	if err := errors.Join(bad, cmd.Wait(), ctx.Err()); err != nil {
		return fmt.Errorf("drive the browser: %w\n%s", err, &words)
	}
	if !done {
		return fmt.Errorf("the driver ended early:\n%s", &words)
	}
	return nil
}
