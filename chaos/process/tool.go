package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Version is that of the reference server and of its command line.
const Version = "1.7.12"

const buildTimeout = 30 * time.Minute // of a build or an installation, on a cold cache

// Tool runs a command to its end; its output is in the error.
func Tool(ctx context.Context, dir, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, buildTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// ModuleRoot returns the folder of go.mod above the working directory.
func ModuleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("ask go for the module: %w", err)
	}
	file := strings.TrimSpace(string(out))
	if file == "" || file == os.DevNull {
		return "", fmt.Errorf("not inside the module: run this from a checkout")
	}
	return filepath.Dir(file), nil
}

// GoBuild builds a main package of the module, as in "./cmd/perdure", into dir and returns the
// binary. Flags are those of go build.
func GoBuild(ctx context.Context, pkg, dir string, flags ...string) (string, error) {
	root, err := ModuleRoot(ctx)
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, filepath.Base(pkg))
	args := append([]string{"build", "-o", binary}, flags...)
	return binary, Tool(ctx, root, "go", append(args, pkg)...)
}

// NPM runs npm in dir and tells what to do when there is none.
func NPM(ctx context.Context, dir string, args ...string) error {
	if _, err := exec.LookPath("npm"); err != nil {
		return fmt.Errorf("npm is needed and not on the PATH: install Node.js with npm: %w", err)
	}
	return Tool(ctx, dir, "npm", append(args, "--ignore-scripts", "--no-audit", "--no-fund")...)
}

// Build builds the server and the services that the suites call into dir and returns their binaries.
func Build(ctx context.Context, dir string) (server, services string, err error) {
	if server, err = GoBuild(ctx, "./cmd/perdure", dir); err != nil {
		return "", "", fmt.Errorf("build the server: %w", err)
	}
	if services, err = GoBuild(ctx, "./chaos/scenario/goservice", dir); err != nil {
		return "", "", fmt.Errorf("build the services: %w", err)
	}
	return server, services, nil
}

// Reference installs a package of the reference, "restate-server" or "restate", into a folder of
// the user's cache unless it is there, and returns its binary.
func Reference(ctx context.Context, pkg string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	dir := filepath.Join(cache, "perdure", pkg+"-"+Version)
	pattern := filepath.Join(dir, "node_modules", "@restatedev", pkg+"-*", "bin", pkg)
	if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
		return found[0], nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	name := "@restatedev/" + pkg + "@" + Version
	if err := NPM(ctx, dir, "install", "--prefix", dir, name); err != nil {
		return "", err
	}
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("%s has no binary for this platform", name)
	}
	return found[0], nil
}
