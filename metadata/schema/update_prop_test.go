package schema

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/perdure/perdure/protocol"
)

// TestRandomChanges makes random changes and checks after each one what must always hold, against a
// small model of which deployment has the newest revision.
func TestRandomChanges(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 1))
		s := Empty(StandardDefaults())
		newest := map[string]protocol.DeploymentID{} // the model
		for step := range 60 {
			before, err := s.Encode()
			if err != nil {
				t.Fatal(err)
			}
			next := randomChange(t, rng, s, newest, byte(step+1))
			if after, _ := s.Encode(); !bytes.Equal(before, after) {
				t.Fatalf("seed %d step %d: a schema changed after it was made", seed, step)
			}
			s = next
			if err := check(s, newest); err != nil {
				t.Fatalf("seed %d step %d: %v", seed, step, err)
			}
		}
	}
}

// randomChange registers, forces, deletes or patches, and keeps the model.
func randomChange(
	t *testing.T, rng *rand.Rand, s *Schema, newest map[string]protocol.DeploymentID, n byte,
) *Schema {
	all := s.Deployments()
	switch rng.IntN(5) {
	case 0:
		if len(all) == 0 {
			return s
		}
		d := all[rng.IntN(len(all))]
		next, err := s.DeleteDeployment(d.ID)
		if err != nil {
			t.Fatal(err)
		}
		forget(newest, d.ID)
		return next
	case 1:
		if len(newest) == 0 {
			return s
		}
		off := false
		next, _, err := s.PatchService(s.Services()[rng.IntN(len(newest))].Name, ServicePatch{Public: &off})
		if err != nil {
			t.Fatal(err)
		}
		return next
	}
	names := slices.DeleteFunc([]string{"A", "B", "C", "D"}, func(string) bool { return rng.IntN(2) == 0 })
	var services []string
	for _, name := range names {
		services = append(services, fmt.Sprintf(`{"name":%q,"ty":"SERVICE","handlers":[{"name":"h"}]}`, name))
	}
	r := Registration{Address: at(fmt.Sprintf("http://h%d/", rng.IntN(4))), ID: id(n),
		Manifest: offer(t, strings.Join(services, ",")), Force: rng.IntN(2) == 0}
	old, exists := s.FindByAddress(r.Address, nil)
	next, d := mustRegister(t, s, r)
	switch {
	case exists && !r.Force:
		if next != s || d != old {
			t.Fatal("an unforced registration of a known address changed something")
		}
		return s
	case exists != (d.ID != r.ID):
		t.Fatalf("registered as %s; existed: %t", d.ID, exists)
	}
	forget(newest, d.ID)
	for _, name := range names {
		newest[name] = d.ID
		for _, other := range all {
			if svc := other.Services[name]; svc != nil && svc.Revision >= d.Services[name].Revision {
				t.Fatalf("revision %d of %s is not newer than %d", d.Services[name].Revision, name, svc.Revision)
			}
		}
	}
	return next
}

func forget(newest map[string]protocol.DeploymentID, d protocol.DeploymentID) {
	for name, at := range newest {
		if at == d {
			delete(newest, name)
		}
	}
}

func check(s *Schema, newest map[string]protocol.DeploymentID) error {
	if len(s.Services()) != len(newest) {
		return fmt.Errorf("%d services, want %d", len(s.Services()), len(newest))
	}
	for name, at := range newest {
		r, err := s.Resolve(name, "h")
		if err != nil || r.Deployment.ID != at || r.Service.Deployment != at {
			return fmt.Errorf("%s resolves to %+v (%v), want %s", name, r, err, at)
		}
	}
	addresses := map[string]bool{}
	for _, d := range s.Deployments() {
		if addresses[d.URI] {
			return fmt.Errorf("two deployments at %s", d.URI)
		}
		addresses[d.URI] = true
		for name, svc := range d.Services {
			if r, err := s.ResolveAt(d.ID, name, "h"); err != nil || r.Service != svc || r.Deployment != d {
				return fmt.Errorf("%s at %s resolves to %+v (%v)", name, d.ID, r, err)
			}
		}
	}
	b, err := s.Encode()
	if err != nil {
		return err
	}
	back, err := Decode(b, s.Defaults())
	if err != nil {
		return err
	}
	again, err := back.Encode()
	if err != nil || !bytes.Equal(b, again) {
		return fmt.Errorf("encoding is not stable: %v", err)
	}
	return nil
}
