package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	restate "github.com/restatedev/sdk-go"
	"github.com/restatedev/sdk-go/server"
)

// demo shows the main thing: a workflow of three steps whose server is killed between the second
// and the third, and which goes on where it was.
func demo(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("perdure demo", flag.ContinueOnError)
	fs.SetOutput(stderr)
	dir := fs.String("base-dir", "", "where the server keeps its data (default: a temporary folder)")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	d := &demonstration{dir: *dir, say: newTeller(stdout), counts: make(map[string]int)}
	d.shipping = make(chan struct{})
	err := d.run(ctx)
	if err := errors.Join(err, d.close()); err != nil {
		fmt.Fprintln(stderr, "perdure demo:", err)
		return 1
	}
	return 0
}

const (
	demoTimeout = time.Minute // for the whole demonstration
	orderID     = "order-42"
)

type demonstration struct {
	dir      string
	ownDir   bool
	say      teller
	server   *exec.Cmd
	log      bytes.Buffer // what the server printed, shown if something fails
	ingress  string
	admin    string
	fabric   string
	shipping chan struct{} // closed once the first two steps are durable

	mu     sync.Mutex
	counts map[string]int // guarded by mu; how often each step ran
}

func (d *demonstration) run(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
	defer cancel()
	if err := d.prepare(); err != nil {
		return err
	}
	service, err := d.startService(ctx)
	if err != nil {
		return err
	}
	d.say.title("A server and a service")
	if err := d.startServer(ctx); err != nil {
		return err
	}
	d.say.line("server  pid %d, data in %s", d.server.Process.Pid, d.dir)
	d.say.line("service written with the official Go SDK, at %s", service)
	if err := d.post(ctx, d.admin+"/deployments", map[string]any{"uri": service}, nil); err != nil {
		return fmt.Errorf("register the service: %w", err)
	}

	d.say.title("A workflow of three steps: charge, reserve, ship")
	call := d.ingress + "/Order/" + orderID + "/run"
	var sent struct {
		InvocationID string `json:"invocationId"`
	}
	if err := d.post(ctx, call+"/send", "a bicycle", &sent); err != nil {
		return fmt.Errorf("start the workflow: %w", err)
	}
	d.say.line("started %s", sent.InvocationID)
	select {
	case <-d.shipping:
	case <-ctx.Done():
		return d.serverFailed(fmt.Errorf("wait for the first two steps: %w", ctx.Err()))
	}

	d.say.title("kill -9")
	killed := time.Now()
	if err := d.kill(); err != nil {
		return err
	}
	d.say.line("the server is gone, with charge and reserve done and ship still to come")
	if err := d.startServer(ctx); err != nil {
		return err
	}
	d.say.line("a new server, pid %d, on the same data, after %v",
		d.server.Process.Pid, time.Since(killed).Round(time.Millisecond))

	var result string
	if err := d.get(ctx, d.ingress+"/restate/workflow/Order/"+orderID+"/attach", &result); err != nil {
		return d.serverFailed(fmt.Errorf("wait for the workflow's result: %w", err))
	}
	d.say.title("The result")
	d.say.line("%s", result)
	return d.verify(result)
}

// verify checks what the demonstration claims.
func (d *demonstration) verify(result string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, step := range []string{"charge", "reserve", "ship"} {
		d.say.line("%-8s ran %d time(s)", step, d.counts[step])
		if d.counts[step] != 1 {
			return fmt.Errorf("step %s ran %d times, want once", step, d.counts[step])
		}
	}
	if want := "a bicycle: charged, reserved, shipped"; result != want {
		return fmt.Errorf("the result is %q, want %q", result, want)
	}
	d.say.good("Every finished step ran exactly once; the kill cost time, not work.")
	return nil
}

// order is the sample service: an ordinary handler, written against the official SDK.
func (d *demonstration) order(ctx restate.WorkflowContext, item string) (string, error) {
	done := make([]string, 0, 3)
	for _, step := range []struct{ name, participle string }{
		{"charge", "charged"}, {"reserve", "reserved"}, {"ship", "shipped"},
	} {
		if step.name == "ship" {
			d.firstTwoDone()
			// Durable, like everything else: it ends on time even if the server is away.
			if err := restate.Sleep(ctx, 2*time.Second); err != nil {
				return "", err
			}
		}
		outcome, err := restate.Run(ctx, func(restate.RunContext) (string, error) {
			d.note(step.name)
			return step.participle, nil
		}, restate.WithName(step.name))
		if err != nil {
			return "", err
		}
		done = append(done, outcome)
	}
	return item + ": " + strings.Join(done, ", "), nil
}

func (d *demonstration) firstTwoDone() {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.shipping:
	default:
		close(d.shipping)
	}
}

func (d *demonstration) note(step string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counts[step]++
	d.say.line("step %-8s runs", step)
}

// startService serves the sample service on a free port and returns its address.
func (d *demonstration) startService(ctx context.Context) (string, error) {
	addresses, err := freeAddresses(1)
	if err != nil {
		return "", err
	}
	quiet := slog.NewTextHandler(io.Discard, nil)
	app := server.NewRestate().WithLogger(quiet, true).
		Bind(restate.NewWorkflow("Order").Handler("run", restate.NewWorkflowHandler(d.order)))
	go func() { _ = app.Start(ctx, addresses[0]) }() // registration fails if it does
	return "http://" + addresses[0], d.waitFor(ctx, addresses[0])
}

// waitFor waits until something listens at the address.
func (d *demonstration) waitFor(ctx context.Context, address string) error {
	return poll(ctx, "wait for the service", func() error {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		return c.Close()
	})
}

func (d *demonstration) prepare() error {
	if d.dir == "" {
		dir, err := os.MkdirTemp("", "perdure-demo-")
		if err != nil {
			return fmt.Errorf("make a temporary folder: %w", err)
		}
		d.dir, d.ownDir = dir, true
	}
	a, err := freeAddresses(3)
	if err != nil {
		return err
	}
	d.ingress, d.admin, d.fabric = "http://"+a[0], "http://"+a[1], a[2]
	return nil
}

// startServer runs this same binary as a server, in a process of its own, until it is ready.
func (d *demonstration) startServer(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	d.log.Reset()
	d.server = exec.Command(self, "serve", "--base-dir", d.dir, "--listen-mode", "tcp",
		"--node-name", "demo")
	d.server.Env = append(os.Environ(),
		"PERDURE_INGRESS__BIND_ADDRESS="+strings.TrimPrefix(d.ingress, "http://"),
		"PERDURE_ADMIN__BIND_ADDRESS="+strings.TrimPrefix(d.admin, "http://"),
		"PERDURE_BIND_ADDRESS="+d.fabric, "PERDURE_LOG_DISABLE_ANSI_CODES=true")
	d.server.Stdout, d.server.Stderr = &d.log, &d.log
	if err := d.server.Start(); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	err = poll(ctx, "wait for the server", func() error {
		return d.get(ctx, d.ingress+"/restate/health", nil)
	})
	if err != nil {
		return d.serverFailed(err)
	}
	return nil
}

func (d *demonstration) kill() error {
	if err := d.server.Process.Signal(syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill the server: %w", err)
	}
	_ = d.server.Wait() // it was killed: that is its error
	d.server = nil
	return nil
}

// serverFailed adds what the server printed.
func (d *demonstration) serverFailed(err error) error {
	if d.server != nil {
		_ = d.kill()
	}
	return fmt.Errorf("%w\nthe server printed:\n%s", err, d.log.String())
}

// close ends what the demonstration started.
func (d *demonstration) close() error {
	var err error
	if d.server != nil {
		err = d.server.Process.Signal(syscall.SIGTERM)
		_ = d.server.Wait()
	}
	if d.ownDir {
		err = errors.Join(err, os.RemoveAll(d.dir))
	}
	return err
}

func (d *demonstration) post(ctx context.Context, url string, body, answer any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return d.do(ctx, http.MethodPost, url, b, answer)
}

func (d *demonstration) get(ctx context.Context, url string, answer any) error {
	return d.do(ctx, http.MethodGet, url, nil, answer)
}

func (d *demonstration) do(ctx context.Context, method, url string, body []byte, answer any) error {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, url, resp.Status, b)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(b, answer)
}

// poll calls f until it succeeds or ctx ends.
func poll(ctx context.Context, what string, f func() error) error {
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// freeAddresses finds loopback addresses that nobody listens on.
func freeAddresses(n int) ([]string, error) {
	var addresses []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		addresses = append(addresses, l.Addr().String())
	}
	return addresses, nil
}

// teller prints the story: with colour on a terminal, plain elsewhere.
type teller struct {
	out    io.Writer
	colour bool
}

func newTeller(out io.Writer) teller {
	f, ok := out.(*os.File)
	if !ok {
		return teller{out: out}
	}
	info, err := f.Stat()
	return teller{out, err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == ""}
}

func (t teller) title(s string) { t.paint("1;36", "\n"+s) }
func (t teller) good(s string)  { t.paint("1;32", "\n"+s) }

func (t teller) line(format string, args ...any) { fmt.Fprintf(t.out, "  "+format+"\n", args...) }

func (t teller) paint(code, s string) {
	if t.colour {
		s = "\x1b[" + code + "m" + s + "\x1b[0m"
	}
	fmt.Fprintln(t.out, s)
}
