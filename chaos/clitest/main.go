package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/perdure/perdure/chaos/process"
)

type options struct {
	// show is told every command with both outputs, as they were printed; it may be nil.
	show func(command, reference, own string)
}

func main() {
	opts := options{}
	verbose := flag.Bool("v", false, "show what both servers made the command line print")
	flag.Parse()
	if *verbose {
		opts.show = func(command, reference, own string) {
			fmt.Printf("$ %s\n--- reference server\n%s--- this server\n%s", command, reference, own)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ran, failed := 0, 0
	err := run(ctx, opts, func(command, difference string) {
		ran++
		if difference == "" {
			fmt.Println("ok  ", command)
			return
		}
		failed++
		fmt.Printf("FAIL %s\n%s", command, difference)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "clitest:", err)
		os.Exit(2)
	}
	fmt.Printf("%d commands, %d differ\n", ran, failed)
	if failed > 0 {
		os.Exit(1)
	}
}

// run puts both servers through the script and reports each command with what differs, if anything.
func run(ctx context.Context, opts options, report func(command, difference string)) error {
	dir, err := os.MkdirTemp("", "clitest-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	line, err := process.Reference(ctx, "restate")
	if err != nil {
		return fmt.Errorf("install the command line: %w", err)
	}
	reference, err := process.Reference(ctx, "restate-server")
	if err != nil {
		return fmt.Errorf("install the reference server: %w", err)
	}
	own, services, err := process.Build(ctx, dir)
	if err != nil {
		return err
	}
	uri, proc, err := process.StartServices(ctx, dir, services)
	if err != nil {
		return err
	}
	defer proc.Kill()

	var sides [2]*session
	for i, binary := range []string{reference, ""} {
		s, err := process.StartServer(ctx, dir, own, binary, nil)
		if err != nil {
			return err
		}
		defer s.Proc.Kill()
		home := filepath.Join(dir, "home"+fmt.Sprint(i))
		if err := os.MkdirAll(home, 0o755); err != nil {
			return err
		}
		sides[i] = &session{server: s, binary: line, home: home, uri: uri}
	}
	return compare(ctx, opts, sides[0], sides[1], report)
}

// compare runs the script, each command on one server and then on the other.
func compare(
	ctx context.Context, opts options, reference, own *session,
	report func(command, difference string),
) error {
	for _, st := range script() {
		command := "restate " + strings.Join(st.args, " ")
		want, err := reference.run(ctx, st)
		if err != nil {
			return fmt.Errorf("%s, on the reference server: %w", command, err)
		}
		got, err := own.run(ctx, st)
		if err != nil {
			return fmt.Errorf("%s, on this server: %w", command, err)
		}
		if opts.show != nil {
			opts.show(command, want, got)
		}
		switch {
		case st.apart == "":
			report(command, difference(reference.normal(st, want), own.normal(st, got)))
		case !strings.Contains(got, st.apart) || strings.HasSuffix(got, "exit code 0\n"):
			report(command, fmt.Sprintf("  this server does not fail with %q, but:\n%s", st.apart, got))
		default:
			report(command, "")
		}
	}
	return nil
}
