// Command perdure is the durable-execution server and the tools that come with it.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	benchcli "github.com/perdure/perdure/bench/cli"
)

const usage = `perdure runs application code so that it survives crashes.

Usage:
  perdure serve [flags]   run a node; without flags everything on one node, in ./perdure-data
  perdure cluster ...     run, look at and change a cluster; see perdure cluster help
  perdure demo            start a server and a sample service, kill the server, watch it go on
  perdure explain ID      say what an invocation waits for, and who will produce it
  perdure bench [flags]   measure a server, or two of them in alternation
  perdure version         print the version

Run "perdure serve --help" or "perdure bench --help" for flags.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process: it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return 2
	}
	switch args[0] {
	case "serve":
		return serve(ctx, args[1:], stdout, stderr)
	case "demo":
		return demo(ctx, args[1:], stdout, stderr)
	case "cluster":
		return runCluster(ctx, args[1:], stdout, stderr)
	case "explain":
		return runExplain(ctx, args[1:], stdout, stderr)
	case "bench":
		return benchcli.Main(ctx, args[1:], stdout, stderr)
	case "version", "--version", "-V":
		fmt.Fprintln(stdout, "perdure", version())
		return 0
	case "help", "--help", "-h":
		fmt.Fprint(stdout, usage)
		return 0
	}
	fmt.Fprintf(stderr, "perdure: %q is no command\n\n%s", args[0], usage)
	return 2
}

// version is the module's version, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return info.Main.Version + " (" + s.Value[:12] + ")"
		}
	}
	return info.Main.Version
}
