package process

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

func start(t *testing.T, script string) *Process {
	t.Helper()
	p, err := Start(filepath.Join(t.TempDir(), "log"), nil, []string{"WORD=hello"}, "sh", "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

// TestKillEndsTheGroup looks whether what the child has started ends with it: the pipe between
// them is closed only when both have.
func TestKillEndsTheGroup(t *testing.T) {
	p := start(t, "sleep 1000 & echo $WORD; wait")
	err := p.Await(t.Context(), "sh", func(context.Context) bool {
		return strings.Contains(p.Tail(), "hello")
	})
	if err != nil {
		t.Fatal(err)
	}
	if now, peak, err := p.Memory(); err != nil || peak < now {
		t.Errorf("memory %d, at most %d: %v", now, peak, err)
	}
	p.Kill()
	p.Kill() // once more is fine
	if _, _, err := p.Memory(); err == nil {
		t.Error("a dead process has memory")
	}
}

func TestAwaitTellsTheLastWords(t *testing.T) {
	p := start(t, "echo no luck; exit 1")
	err := p.Await(t.Context(), "sh", func(context.Context) bool { return false })
	if err == nil || !strings.Contains(err.Error(), "no luck") {
		t.Errorf("got %v", err)
	}
}

func TestFreeAddressesDiffer(t *testing.T) {
	found, err := FreeAddresses(20)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, a := range found {
		seen[a] = true
	}
	if len(seen) != 20 {
		t.Errorf("%d different addresses of 20", len(seen))
	}
}
