package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/perdure/perdure/chaos/process"
)

// kit tells how the services of one SDK are made.
type kit struct {
	prefix string // of every service name
	// prepare builds or installs the services, with what may be thrown away in dir, and
	// returns the command that serves them.
	prepare func(ctx context.Context, dir string) ([]string, error)
}

var kits = map[string]kit{
	"go":   {"Go", prepareGo},
	"ts":   {"Ts", prepareScripts},
	"py":   {"Py", preparePython},
	"java": {"Java", prepareJava},
	"rust": {"Rust", prepareRust},
}

func knownSDKs() string { return strings.Join(slices.Sorted(maps.Keys(kits)), ", ") }

func prepareGo(ctx context.Context, dir string) ([]string, error) {
	binary, err := process.GoBuild(ctx, "./chaos/scenario/goservice", dir)
	return []string{binary}, err
}

// prepareScripts copies the TypeScript services into the user's cache and has npm install
// what they import, Node itself included, unless that was done before.
func prepareScripts(ctx context.Context, _ string) ([]string, error) {
	source, target, err := folders(ctx, "tsservice", "perdure-scenario")
	if err != nil {
		return nil, err
	}
	names, err := filepath.Glob(filepath.Join(source, "*.mjs"))
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("no scripts in %s", source)
	}
	for _, name := range append(names, filepath.Join(source, "package.json")) {
		if _, err := copyFile(name, target); err != nil {
			return nil, err
		}
	}
	node := filepath.Join(target, "node_modules", ".bin", "node")
	lock := filepath.Join(source, "package-lock.json")
	if err := installOnce(lock, target, node, func() error {
		return process.NPM(ctx, target, "ci")
	}); err != nil {
		return nil, err
	}
	if _, err := os.Stat(node); err != nil {
		return nil, fmt.Errorf("npm has no Node for %s/%s: %w", runtime.GOOS, runtime.GOARCH, err)
	}
	return []string{node, filepath.Join(target, "service.mjs")}, nil
}

// preparePython makes a virtual environment in the user's cache and has pip install the
// requirements into it, unless that was done before.
func preparePython(ctx context.Context, _ string) ([]string, error) {
	source, target, err := folders(ctx, "pyservice", "perdure-scenario-py")
	if err != nil {
		return nil, err
	}
	venv := filepath.Join(target, "venv")
	python := filepath.Join(venv, "bin", "python")
	requirements := filepath.Join(source, "requirements.txt")
	if err := installOnce(requirements, target, python, func() error {
		if _, err := exec.LookPath("python3"); err != nil {
			return fmt.Errorf("python3 is needed and not on the PATH: "+
				"install Python 3.10 or newer with its venv module: %w", err)
		}
		if err := process.Tool(ctx, target, "python3", "-m", "venv", "--clear", venv); err != nil {
			return err
		}
		return process.Tool(ctx, target, python, "-m", "pip", "install",
			"--disable-pip-version-check", "--quiet", "-r", requirements)
	}); err != nil {
		return nil, err
	}
	// -B: nothing is compiled into the checkout.
	return []string{python, "-B", filepath.Join(source, "service.py")}, nil
}

// folders returns where the services of an SDK are written and a folder of that name in the
// user's cache, which exists afterwards.
func folders(ctx context.Context, services, cached string) (source, target string, err error) {
	root, err := process.ModuleRoot(ctx)
	if err != nil {
		return "", "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", "", err
	}
	target = filepath.Join(cache, cached)
	if err := os.MkdirAll(target, 0o755); err != nil {
		return "", "", err
	}
	return filepath.Join(root, "chaos", "scenario", services), target, nil
}

// installOnce calls install unless the last success was with the same lock file and what it
// installed is still there. The copy of the lock file in target is the memory of it.
func installOnce(lock, target, installed string, install func() error) error {
	changed, err := copyFile(lock, target)
	if err != nil {
		return err
	}
	if _, err := os.Stat(installed); err == nil && !changed {
		return nil
	}
	if err := install(); err != nil {
		return errors.Join(err, os.Remove(filepath.Join(target, filepath.Base(lock))))
	}
	return nil
}

// copyFile copies a file into a folder and tells whether that changed anything.
func copyFile(name, folder string) (bool, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return false, err
	}
	target := filepath.Join(folder, filepath.Base(name))
	if old, err := os.ReadFile(target); err == nil && string(old) == string(data) {
		return false, nil
	}
	return true, os.WriteFile(target, data, 0o644)
}
