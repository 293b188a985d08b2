package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/perdure/perdure/bench/load"
	"github.com/perdure/perdure/bench/report"
	"github.com/perdure/perdure/bench/target"
	"github.com/perdure/perdure/bench/workload"
)

// profile keeps a CPU profile of the server under the load of a case, taken in a window of its own
// so that it costs the measurement nothing.
func (s *session) profile(
	ctx context.Context, run *report.Run, i *target.Instance,
	generator *load.Generator, scenario workload.Scenario,
) {
	type answer struct {
		profile []byte
		err     error
	}
	answered := make(chan answer, 1)
	go func() {
		profile, err := i.Profile(ctx, s.cfg.traceTime)
		answered <- answer{profile, err}
	}()
	result := generator.Run(ctx, load.Phase{Duration: s.cfg.traceTime}, scenario.Next)
	addErrors(run, result)
	got := <-answered
	if got.err == nil {
		got.err = s.keepProfile(run.Case, i.Name(), got.profile)
	}
	if got.err != nil && ctx.Err() == nil {
		s.note("%v", got.err)
	}
}

// keepProfile replaces the profile of an earlier round.
func (s *session) keepProfile(c report.Case, server string, profile []byte) error {
	if err := os.MkdirAll(s.cfg.profileDir, 0o755); err != nil {
		return fmt.Errorf("keep a profile: %w", err)
	}
	name := fmt.Sprintf("%s-%d-%s.pprof", c.Name(), c.Clients, server)
	name = strings.NewReplacer(" ", "-", "/", "-", "%", "").Replace(name)
	if err := os.WriteFile(filepath.Join(s.cfg.profileDir, name), profile, 0o644); err != nil {
		return fmt.Errorf("keep a profile: %w", err)
	}
	return nil
}
