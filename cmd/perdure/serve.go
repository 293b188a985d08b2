package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/perdure/perdure/internal/node"
)

// serve runs a node until ctx ends, then drains it.
func serve(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("perdure serve", flag.ContinueOnError)
	fs.SetOutput(stderr)
	flags := node.RegisterFlags(fs)
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if fs.NArg() > 0 {
		fmt.Fprintf(stderr, "perdure serve: %q is no flag; see perdure serve --help\n", fs.Arg(0))
		return 2
	}
	cfg, warnings, err := node.Load(node.LoadOptions{Env: os.Environ(), Flags: flags})
	if err != nil {
		fmt.Fprintln(stderr, "perdure serve:", err)
		return 2
	}
	if flags.DumpConfig {
		if err := cfg.WriteTOML(stdout); err != nil {
			fmt.Fprintln(stderr, "perdure serve:", err)
			return 1
		}
		return 0
	}
	log, err := node.NewLogger(cfg, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "perdure serve:", err)
		return 2
	}
	for _, w := range warnings {
		log.Log(ctx, w.Level, w.Text, "setting", w.Key, "source", w.Source)
	}
	for _, key := range cfg.WithoutEffect() {
		log.Warn("this version does nothing with the setting", "setting", key)
	}
	tuneGarbage()
	if err := node.Run(ctx, cfg, log, version()); err != nil {
		log.Error("the node stopped", "error", err)
		return 1
	}
	return 0
}
