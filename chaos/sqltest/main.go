package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/perdure/perdure/chaos/process"
)

// options say what is compared.
type options struct {
	beside bool // with the reference server, instead of what is recorded
	record bool
	dir    string // of the queries and of what is recorded
}

func main() {
	opts := options{}
	flag.BoolVar(&opts.beside, "beside", false, "compare with the reference server, which npm installs")
	flag.BoolVar(&opts.record, "record", false, "write down what this server answers")
	flag.StringVar(&opts.dir, "testdata", "chaos/sqltest/testdata", "where the queries are")
	verbose := flag.Bool("v", false, "show every query")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	asked, failed := 0, 0
	err := run(ctx, opts, func(q query, problem string) {
		asked++
		if problem != "" {
			failed++
			fmt.Printf("FAIL %s\n%s\n", q.text, problem)
		} else if *verbose {
			fmt.Println("ok  ", q.text)
		}
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "sqltest:", err)
		os.Exit(2)
	}
	fmt.Printf("%d queries, %d failed\n", asked, failed)
	if failed > 0 {
		os.Exit(1)
	}
}

// run asks all queries and reports each with what is wrong about the answers, if anything.
func run(ctx context.Context, opts options, report func(q query, problem string)) error {
	queries, err := readQueries(filepath.Join(opts.dir, "queries.sql"))
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "sqltest-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary, services, err := process.Build(ctx, dir)
	if err != nil {
		return err
	}
	own, err := startSide(ctx, filepath.Join(dir, "own"), "PERDURE_", services, binary, "serve")
	if err != nil {
		return fmt.Errorf("this server: %w", err)
	}
	defer own.kill()
	if !opts.beside {
		return compareRecorded(ctx, opts, own, queries, report)
	}
	if binary, err = process.Reference(ctx, "restate-server"); err != nil {
		return fmt.Errorf("install the reference server: %w", err)
	}
	reference, err := startSide(ctx, filepath.Join(dir, "reference"), "RESTATE_", services, binary)
	if err != nil {
		return fmt.Errorf("the reference server: %w", err)
	}
	defer reference.kill()
	for _, q := range queries {
		want, err := reference.ask(ctx, q)
		if err != nil {
			return fmt.Errorf("ask the reference server %s: %w", q.text, err)
		}
		got, err := own.ask(ctx, q)
		if err != nil {
			return fmt.Errorf("ask this server %s: %w", q.text, err)
		}
		report(q, q.judge(want, got))
	}
	return nil
}
