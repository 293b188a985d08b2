package cluster

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// safeBuffer takes the output of several processes.
type safeBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (b *safeBuffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(text)
}

func config(t *testing.T, script string) Config {
	t.Helper()
	return Config{
		Prefix: "X", Program: []string{"sh", "-c", script}, Nodes: 3, Partitions: 7,
		Dir: t.TempDir(), Ingress: "1", Admin: "2", Node: "3",
	}
}

// await waits until as many files are in dir.
func await(t *testing.T, dir string, files int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		found, err := os.ReadDir(dir)
		if err == nil && len(found) == files {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d files in %s (%v), want %d", len(found), dir, err, files)
		}
	}
}

func TestRunTellsNodesApartAndStopsThem(t *testing.T) {
	cfg := config(t, `trap 'rm "$X_BASE_DIR/$X_NODE_NAME"; exit 0' TERM
echo "$X_INGRESS__BIND_ADDRESS $X_AUTO_PROVISION" > "$X_BASE_DIR/$X_NODE_NAME"
while :; do sleep 0.01; done`)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- Run(ctx, cfg, &safeBuffer{}) }()
	await(t, cfg.Dir, 3)
	for name, want := range map[string]string{"n1": "127.0.0.1:1 true", "n2": "false", "n3": "false"} {
		text, err := os.ReadFile(filepath.Join(cfg.Dir, name))
		for deadline := time.Now().Add(10 * time.Second); err == nil && len(text) == 0 &&
			time.Now().Before(deadline); {
			text, err = os.ReadFile(filepath.Join(cfg.Dir, name))
		}
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s was told %q (%v), want %q in it", name, text, err, want)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	await(t, cfg.Dir, 0)
}

func TestRunFailsWhenANodeEnds(t *testing.T) {
	cfg := config(t, `[ "$X_NODE_NAME" = n2 ] && { echo "no space" >&2; exit 3; }; exec sleep 60`)
	log := &safeBuffer{}
	err := Run(t.Context(), cfg, log)
	if err == nil || !strings.Contains(err.Error(), "node n2 ended: exit status 3") {
		t.Errorf("error %v, want that of the node", err)
	}
	if !strings.Contains(log.text.String(), "no space") {
		t.Errorf("the log lacks what the node said: %q", log.text.String())
	}
}

func TestRunRefusesWhatItCannotRun(t *testing.T) {
	err := Run(t.Context(), Config{Nodes: 2}, nil)
	for _, want := range []string{"2 nodes", "no program", "three ports"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
	cfg := config(t, "")
	cfg.Program = []string{filepath.Join(cfg.Dir, "none")}
	if err := Run(t.Context(), cfg, nil); err == nil || !strings.Contains(err.Error(), "node n1") {
		t.Errorf("error %v, want that n1 cannot be started", err)
	}
}

func TestEnvironment(t *testing.T) {
	cfg := config(t, "")
	nodes := []node{{"n1", "1", "2", "3"}, {"n2", "4", "5", "6"}}
	env := cfg.environment(nodes, 1)
	for _, want := range []string{
		"X_NODE_NAME=n2", "X_BIND_ADDRESS=127.0.0.1:6", "X_ADVERTISED_ADDRESS=http://127.0.0.1:6",
		"X_ADMIN__BIND_ADDRESS=127.0.0.1:5", "X_DEFAULT_NUM_PARTITIONS=7", "X_DEFAULT_REPLICATION=3",
		`X_METADATA_CLIENT__ADDRESSES=["http://127.0.0.1:3","http://127.0.0.1:6"]`,
	} {
		if !slices.Contains(env, want) {
			t.Errorf("%q lacks %s", env, want)
		}
	}
	cfg.Prefix = "RESTATE"
	if env := cfg.environment(nodes, 0); !slices.Contains(env, "RESTATE_DEFAULT_REPLICATION=2") {
		t.Errorf("%q: want two copies", env)
	}
}
