package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

const perdurePackage = "github.com/perdure/perdure/cmd/perdure"

// Resolver finds the programs of servers.
type Resolver struct {
	Scratch string    // directory for binaries that are built
	Perdure string    // a binary to use instead of building one; may be empty
	Bench   []string  // command line of the benchmark itself, for KindFloor
	Log     io.Writer // of progress
}

// Commands of the benchmark itself.
const (
	FloorCommand = "serve-floor" // a KindFloor
	NodesCommand = "serve-nodes" // a cluster
)

// Resolve finds or makes the program of a Spec and returns the Spec with its Command.
func (r Resolver) Resolve(ctx context.Context, spec Spec) (Spec, error) {
	switch spec.Kind {
	case KindPerdure:
		path, err := r.findPerdure(ctx, spec.Source)
		if err != nil {
			return Spec{}, err
		}
		spec.Command = []string{path, "serve"}
		if spec.Nodes == 0 {
			spec.Command = append(spec.Command, "--base-dir", "{dir}")
		}
	case KindRestate:
		path, err := findRestate(ctx, spec.Source, r.Log)
		if err != nil {
			return Spec{}, err
		}
		spec.Command = []string{path}
	case KindFloor:
		spec.Command = append(slices.Clone(r.Bench), FloorCommand,
			"--dir", "{dir}", "--ingress", "{ingress}", "--admin", "{admin}")
	}
	if spec.Nodes > 0 {
		spec.Command = r.nodes(spec)
	}
	return spec, nil
}

// nodes wraps the command of a server into one that runs several of it.
func (r Resolver) nodes(spec Spec) []string {
	command := append(slices.Clone(r.Bench), NodesCommand,
		"--prefix", strings.ToUpper(string(spec.Kind)), "--nodes", strconv.Itoa(spec.Nodes),
		"--partitions", strconv.Itoa(spec.Partitions), "--dir", "{dir}",
		"--ingress", "{ingress}", "--admin", "{admin}", "--node", "{node}", "--")
	return append(command, spec.Command...)
}

func (r Resolver) findPerdure(ctx context.Context, source string) (string, error) {
	if source != "" {
		return absolute(source)
	}
	if r.Perdure != "" {
		return r.Perdure, nil
	}
	path := filepath.Join(r.Scratch, "perdure")
	if _, err := os.Stat(path); err == nil {
		return path, nil // built for another server of this run
	}
	fmt.Fprintln(r.Log, "building", perdurePackage)
	build := exec.CommandContext(ctx, "go", "build", "-o", path, perdurePackage)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build perdure: %w: %s; run this in the module's directory, "+
			"or give the binary with --server perdure=PATH", err, out)
	}
	return path, nil
}

var versionPattern = regexp.MustCompile(`^\d+\.\d+\.\d+[0-9A-Za-z.-]*$`)

func findRestate(ctx context.Context, source string, log io.Writer) (string, error) {
	version := DefaultPeerVersion
	switch {
	case versionPattern.MatchString(source):
		version = source
	case source != "":
		return absolute(source)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a place to install restate-server: %w", err)
	}
	dir := filepath.Join(cache, "perdure-bench", "restate-"+version)
	if path, err := installedRestate(dir); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("install restate-server %s: %w", version, err)
	}
	fmt.Fprintf(log, "installing restate-server %s with npm\n", version)
	install := exec.CommandContext(ctx, "npm", "install", "--prefix", dir, "--no-fund", "--no-audit",
		"--ignore-scripts", "@restatedev/restate-server@"+version)
	if out, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("install restate-server %s: %w: %s; it needs npm, "+
			"or give the binary with --server restate=PATH", version, err, out)
	}
	return installedRestate(dir)
}

// installedRestate finds the binary in the package for this platform, which npm adds to the main
// one.
func installedRestate(dir string) (string, error) {
	arch := map[string]string{"amd64": "x64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	name := "restate-server-" + runtime.GOOS + "-" + arch
	return absolute(filepath.Join(dir, "node_modules", "@restatedev", name, "bin", "restate-server"))
}

func absolute(path string) (string, error) {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		err = errors.New("it is a directory")
	}
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return "", fmt.Errorf("find the server binary %s: %w", path, err)
	}
	return path, nil
}
