package schema

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/bifrost/memlog"
	"github.com/perdure/perdure/metadata"
)

func openStore(t *testing.T, host *memlog.Host, dir string) *metadata.Store {
	t.Helper()
	s, err := metadata.Open(t.Context(), metadata.Config{Host: host, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openRegistry(t *testing.T, store Store, background func(error)) *Registry {
	t.Helper()
	r, err := NewRegistry(store, StandardDefaults(), background)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// eventually polls, because the second registry follows on its own.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen", what)
		}
	}
}

// TestRegistry: two nodes' registries change the schema at once; nothing is lost, both end equal,
// and a restart finds it all.
func TestRegistry(t *testing.T) {
	host, dir := memlog.NewHost(), t.TempDir()
	store := openStore(t, host, dir)
	a, b := openRegistry(t, store, nil), openRegistry(t, store, nil)
	const each = 20
	manifest := offer(t, greeter)
	var wg sync.WaitGroup
	for n, r := range []*Registry{a, b} {
		wg.Go(func() {
			for i := range each {
				_, err := r.Update(t.Context(), func(s *Schema) (*Schema, error) {
					next, _, created, err := s.Register(Registration{
						Address:  at(fmt.Sprintf("http://h%d-%d/", n, i)),
						Manifest: manifest, ID: id(byte(n*each + i + 1)), Now: testNow})
					if !created {
						return nil, fmt.Errorf("not new: %w", err)
					}
					return next, err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, r := range []*Registry{a, b} {
		eventually(t, "seeing all deployments", func() bool {
			return len(r.Current().Deployments()) == 2*each
		})
		if svc, _ := r.Current().Service("Greeter"); svc.Revision != 2*each {
			t.Fatalf("revision %d, want %d: two registrations took the same", svc.Revision, 2*each)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	store = openStore(t, host, dir)
	defer store.Close()
	if got := len(openRegistry(t, store, nil).Current().Deployments()); got != 2*each {
		t.Fatalf("%d deployments after a restart, want %d", got, 2*each)
	}
}

func TestRegistryUpdateFails(t *testing.T) {
	store := openStore(t, memlog.NewHost(), t.TempDir())
	defer store.Close()
	r := openRegistry(t, store, nil)
	boom := errors.New("boom")
	if _, err := r.Update(t.Context(), func(*Schema) (*Schema, error) { return nil, boom }); !errors.Is(err, boom) {
		t.Fatalf("error of the change: %v", err)
	}
	if _, err := r.Update(t.Context(), func(s *Schema) (*Schema, error) { return s, nil }); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := store.Get(MetadataKey); ok {
		t.Fatal("something was stored though nothing changed")
	}
}

// TestRegistrySkipsEmptyChanges: a patch that changes nothing makes no new version.
func TestRegistrySkipsEmptyChanges(t *testing.T) {
	store := openStore(t, memlog.NewHost(), t.TempDir())
	defer store.Close()
	r := openRegistry(t, store, nil)
	for range 2 {
		if _, err := r.Update(t.Context(), func(s *Schema) (*Schema, error) {
			next, _, _, err := s.Register(Registration{Address: at("http://one/"),
				Manifest: offer(t, greeter), ID: id(1), Now: testNow})
			return next, err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Update(t.Context(), func(s *Schema) (*Schema, error) {
		next, _, err := s.PatchDeployment(id(1), DeploymentPatch{})
		return next, err
	}); err != nil {
		t.Fatal(err)
	}
	if _, version, _ := store.Get(MetadataKey); version != 1 {
		t.Fatalf("version %d after one change and two that changed nothing", version)
	}
}

// TestRegistryKeepsTheLastGoodSchema: a schema of a newer release must not take services away.
func TestRegistryKeepsTheLastGoodSchema(t *testing.T) {
	store := openStore(t, memlog.NewHost(), t.TempDir())
	defer store.Close()
	told := make(chan error, 1)
	r := openRegistry(t, store, func(err error) { told <- err })
	if _, err := r.Update(t.Context(), func(s *Schema) (*Schema, error) {
		next, _, _, err := s.Register(Registration{Address: at("http://one/"),
			Manifest: offer(t, greeter), ID: id(1), Now: testNow})
		return next, err
	}); err != nil {
		t.Fatal(err)
	}
	if err := store.CompareAndSwap(t.Context(), MetadataKey, 1, []byte(`{"format":99}`)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-told:
	case <-time.After(20 * time.Second):
		t.Fatal("nobody was told")
	}
	if _, ok := r.Current().Service("Greeter"); !ok {
		t.Fatal("the last good schema was dropped")
	}
	if _, err := NewRegistry(store, StandardDefaults(), nil); err == nil {
		t.Fatal("a registry started on a schema it cannot read")
	}
}
