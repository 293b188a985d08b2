package node

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	restate "github.com/restatedev/sdk-go"
	"github.com/restatedev/sdk-go/server"
)

// testConfig is a node of its own, on free ports.
func testConfig(t *testing.T) Config {
	t.Helper()
	cfg := Default()
	cfg.BaseDir, cfg.NodeName, cfg.DefaultNumPartitions = t.TempDir(), "test", 4
	for _, l := range []*Listener{&cfg.Listener, &cfg.Admin.Listener, &cfg.Ingress.Listener} {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.BindIP, l.BindPort, l.ListenMode = "127.0.0.1", free.Addr().(*net.TCPAddr).Port, ListenTCP
		if err := free.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return cfg
}

// startNode runs a node until the test ends or stop is called, which reports how it ended.
func startNode(t *testing.T, cfg Config) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, cfg, slog.New(slog.DiscardHandler), "test") }()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the node ended with: %v", err)
		}
	})
	health := "http://" + cfg.Ingress.BindAddress() + "/restate/health"
	for {
		resp, err := http.Get(health)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return stop
			}
		}
		select {
		case err := <-ended:
			stopped = true
			t.Fatalf("the node ended while starting: %v", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func startGreeter(t *testing.T) (uri string) {
	t.Helper()
	greet := restate.NewServiceHandler(func(_ restate.Context, name string) (string, error) {
		return "Hello " + name, nil
	})
	handler, err := server.NewRestate().WithLogger(slog.DiscardHandler, true).
		Bind(restate.NewService("Greeter").Handler("greet", greet)).Handler()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: handler, Protocols: new(http.Protocols)}
	s.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return "http://" + l.Addr().String()
}

func call(t *testing.T, url, body string) (status int, answer string) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestNodeServesAndRemembers(t *testing.T) {
	cfg := testConfig(t)
	stop := startNode(t, cfg)
	body, _ := json.Marshal(map[string]string{"uri": startGreeter(t)})
	admin, ingress := "http://"+cfg.Admin.BindAddress(), "http://"+cfg.Ingress.BindAddress()
	if status, answer := call(t, admin+"/deployments", string(body)); status != http.StatusCreated {
		t.Fatalf("register: %d %s", status, answer)
	}
	if status, answer := call(t, ingress+"/Greeter/greet", `"Ada"`); answer != `"Hello Ada"` {
		t.Fatalf("call: %d %s", status, answer)
	}
	if err := stop(); err != nil {
		t.Fatalf("stop: %v", err)
	}
	startNode(t, cfg)
	if status, answer := call(t, ingress+"/Greeter/greet", `"Bob"`); answer != `"Hello Bob"` {
		t.Fatalf("call after a restart: %d %s", status, answer)
	}
}

// The root of the admin port leads to the console that is configured, or to a page that says that
// there is none, unless it is turned off.
func TestConsoleIsServed(t *testing.T) {
	bundle := t.TempDir()
	if err := os.WriteFile(filepath.Join(bundle, "index.html"), []byte("a console"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		bundle   string
		disabled bool
		status   int
		contains string
	}{
		{bundle, false, http.StatusOK, "a console"},
		{"", false, http.StatusNotFound, "web-ui-bundle"},
		{bundle, true, http.StatusNotFound, ""},
	} {
		cfg := testConfig(t)
		cfg.Admin.WebUIBundle, cfg.Admin.DisableWebUI = c.bundle, c.disabled
		stop := startNode(t, cfg)
		resp, err := http.Get("http://" + cfg.Admin.BindAddress() + "/")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || !strings.Contains(string(body), c.contains) {
			t.Errorf("%+v: %d %s %v", c, resp.StatusCode, body, err)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
	cfg := testConfig(t)
	cfg.Admin.WebUIBundle = filepath.Join(bundle, "gone")
	err := Run(t.Context(), cfg, slog.New(slog.DiscardHandler), "test")
	if err == nil || !strings.Contains(err.Error(), "admin.web-ui-bundle") {
		t.Errorf("got %v, want a refusal that names the setting", err)
	}
}

func TestDataOfAnotherClusterIsRefused(t *testing.T) {
	cfg := testConfig(t)
	if err := startNode(t, cfg)(); err != nil {
		t.Fatal(err)
	}
	cfg.ClusterName = "another"
	err := Run(t.Context(), cfg, slog.New(slog.DiscardHandler), "test")
	if err == nil || !strings.Contains(err.Error(), "cluster-name") {
		t.Fatalf("got %v, want a refusal that names cluster-name", err)
	}
}

// A node that is told to stop while it starts has not failed.
func TestStoppedWhileStarting(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, testConfig(t), slog.New(slog.DiscardHandler), "test"); err != nil {
		t.Fatal(err)
	}
}

func TestPortThatIsTakenIsNamed(t *testing.T) {
	cfg := testConfig(t)
	startNode(t, cfg)
	other := testConfig(t)
	other.Ingress.BindPort = cfg.Ingress.BindPort
	err := Run(t.Context(), other, slog.New(slog.DiscardHandler), "test")
	if err == nil || !strings.Contains(err.Error(), "--ingress-bind-port") {
		t.Fatalf("got %v, want a refusal that names the flag", err)
	}
}

func TestMetricsAndHealth(t *testing.T) {
	cfg := testConfig(t)
	startNode(t, cfg)
	for path, want := range map[string]string{
		"/metrics":  `restate_num_active_partition_leaders{cluster_name="localcluster",node_name="test"} 4`,
		"/health":   `"status":"alive"`,
		"/metrics?": `perdure_cluster_nodes{cluster_name="localcluster",node_name="test"} 1`,
	} {
		resp, err := http.Get("http://" + cfg.BindAddress() + path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s lacks %q (%v):\n%s", path, want, err, b)
		}
	}
}

func TestLogFilter(t *testing.T) {
	for filter, want := range map[string]slog.Level{
		"warn,perdure=info": slog.LevelInfo, "warn": slog.LevelWarn, "perdure=debug,error": slog.LevelDebug,
		"warn,restate=error": slog.LevelError, "off": levelOff, "": slog.LevelInfo,
		"warn,hyper=trace": slog.LevelWarn,
	} {
		if got, err := parseLogFilter(filter); err != nil || got != want {
			t.Errorf("%q gives %v, %v; want %v", filter, got, err, want)
		}
	}
	if _, err := parseLogFilter("loud"); err == nil {
		t.Error("an unknown level was taken")
	}
}
