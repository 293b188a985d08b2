package node

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// joining is the configuration of a node that wants to join the cluster of another.
func joining(t *testing.T, first Config, name string) Config {
	t.Helper()
	cfg := testConfig(t)
	cfg.NodeName = name
	cfg.MetadataClient.Addresses = []string{"http://" + first.BindAddress()}
	return cfg
}

// refusal runs a node that must not start, and returns what it says.
func refusal(t *testing.T, cfg Config) string {
	t.Helper()
	err := Run(t.Context(), cfg, slog.New(slog.DiscardHandler), "test")
	if err == nil {
		t.Fatal("the node has run")
	}
	return err.Error()
}

func wantText(t *testing.T, got string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("it says %q, which lacks %q", got, w)
		}
	}
}

// Whoever is started wrongly beside a cluster ends with a text that says what to do, and leaves
// everything as it was.
func TestMisuseIsRefused(t *testing.T) {
	first := testConfig(t)
	startNode(t, first)

	t.Run("another cluster", func(t *testing.T) {
		cfg := joining(t, first, "n2")
		cfg.ClusterName = "another"
		wantText(t, refusal(t, cfg), `cluster "localcluster"`, `says "another"`, "correct cluster-name")
		if files, _ := os.ReadDir(filepath.Join(cfg.NodeDir(), "log")); len(files) > 0 {
			t.Errorf("it has written %v", files)
		}
	})
	t.Run("a name that is taken", func(t *testing.T) {
		wantText(t, refusal(t, joining(t, first, "test")), `named "test" is registered already`,
			"choose another node-name", "--lost")
	})
	t.Run("one data directory twice", func(t *testing.T) {
		cfg := testConfig(t)
		cfg.BaseDir = first.BaseDir
		before, _ := os.ReadFile(filepath.Join(first.NodeDir(), "node.json"))
		wantText(t, refusal(t, cfg), "another server is using it")
		after, err := os.ReadFile(filepath.Join(first.NodeDir(), "node.json"))
		if err != nil || string(before) != string(after) {
			t.Errorf("the identity became %s (%v), it was %s", after, err, before)
		}
	})
	t.Run("seeds that cannot be reached", func(t *testing.T) {
		cfg := joining(t, first, "n2")
		nobody := testConfig(t).BindAddress()
		cfg.MetadataClient.Addresses = []string{"http://" + nobody}
		cfg.AutoProvision = false
		cfg.InitializationTimeout = Duration(300 * time.Millisecond)
		wantText(t, refusal(t, cfg), "no answer from http://"+nobody, "check metadata-client.addresses")
	})
	t.Run("nobody begins the cluster", func(t *testing.T) {
		cfg := testConfig(t)
		cfg.AutoProvision = false
		cfg.InitializationTimeout = Duration(300 * time.Millisecond)
		wantText(t, refusal(t, cfg), "perdure cluster provision")
	})
	t.Run("an address others cannot reach", func(t *testing.T) {
		cfg := joining(t, first, "n2")
		cfg.MetadataClient.Addresses = []string{"http://n1.example:5122"}
		wantText(t, refusal(t, cfg), "set advertised-host")
	})
	t.Run("no TLS where others can listen", func(t *testing.T) {
		cfg := joining(t, first, "n2")
		cfg.AdvertisedAddress = "http://n2.example:5122"
		wantText(t, refusal(t, cfg), "n2.example:5122", "neither encrypted nor authenticated",
			"set networking.tls-certificate", "networking.allow-plaintext = true")
		if files, _ := os.ReadDir(filepath.Join(cfg.NodeDir(), "log")); len(files) > 0 {
			t.Errorf("it has written %v", files)
		}
		cfg.Networking.AllowPlaintext = true
		cfg.ClusterName = "another" // gets as far as the next objection
		wantText(t, refusal(t, cfg), "correct cluster-name")
	})
	t.Run("data of another node", func(t *testing.T) {
		cfg := joining(t, first, "n2")
		copyFile(t, filepath.Join(first.NodeDir(), "node.json"), filepath.Join(cfg.NodeDir(), "node.json"))
		wantText(t, refusal(t, cfg), `belongs to node "test"`, "correct node-name or base-dir")
	})
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A node that lost its data does not come back under its old name until it was given up; then it
// joins as a new one, and gets back what it had.
func TestWipedNodeIsReplaced(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	c.start(c.nodes...)
	c.awaitSettled(3, c.nodes...)
	wiped := c.nodes[2]
	wiped.kill()
	folder := filepath.Join(c.dir, wiped.name)
	if err := os.Rename(folder, folder+".kept"); err != nil {
		t.Fatal(err)
	}
	c.start(wiped)
	wiped.awaitEnd(1)
	if !wiped.said("is registered already") {
		t.Error("the wiped node does not say why it ends")
	}

	c.nodes[0].order("nodes/n3/remove", `{"lost":true}`)
	eventually(t, "n3 to be given up", func() bool {
		s, ok := c.nodes[0].status()
		return ok && len(s.Nodes) == 2
	})
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	c.start(wiped)
	c.awaitSettled(3, c.nodes...)
	s, ok := c.nodes[0].status()
	if !ok || s.Nodes[2].ID != 4 {
		t.Errorf("the wiped node is %+v", s.Nodes[2])
	}

	// What it was before must not come back either.
	wiped.kill()
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(folder+".kept", folder); err != nil {
		t.Fatal(err)
	}
	c.start(wiped)
	wiped.awaitEnd(1)
	if !wiped.said("was removed from the cluster") {
		t.Error("the former node does not say why it ends")
	}
}
