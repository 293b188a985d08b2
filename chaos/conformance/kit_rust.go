package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/perdure/perdure/chaos/process"
)

// prepareRust has cargo build the services below the user's cache. Cargo itself knows what
// has changed since it built them last.
func prepareRust(ctx context.Context, _ string) ([]string, error) {
	if _, err := exec.LookPath("cargo"); err != nil {
		return nil, fmt.Errorf("cargo is needed and not on the PATH: "+
			"install Rust 1.90 or newer with cargo: %w", err)
	}
	source, target, err := folders(ctx, "rustservice", "perdure-scenario-rust")
	if err != nil {
		return nil, err
	}
	if err := process.Tool(ctx, source, "cargo", "build", "--locked", "--quiet",
		"--target-dir", target); err != nil {
		return nil, err
	}
	return []string{filepath.Join(target, "debug", "rustservice")}, nil
}
