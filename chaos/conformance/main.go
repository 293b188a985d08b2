package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	opts := options{}
	flag.StringVar(&opts.ingress, "ingress", "", "ingress URL of a server that runs already")
	flag.StringVar(&opts.admin, "admin", "", "admin URL of a server that runs already")
	flag.StringVar(&opts.server, "server", "",
		"perdure, restate, or a command with {dir} {ingress} {admin} {node} in it")
	sdks := flag.String("sdk", "go,ts", "SDKs whose services are called, of "+knownSDKs())
	flag.StringVar(&opts.match, "run", "", "only checks whose ID, area or title contains this")
	flag.BoolVar(&opts.gentle, "gentle", false,
		"leave out checks that are known to crash the reference server")
	flag.BoolVar(&opts.keepLogs, "v", false, "show the output of the server and the services")
	flag.Uint64Var(&opts.torment, "torment", 0,
		"kill server and services at random points, by this seed, while checks run")
	report := flag.String("report", "", "write the coverage, as Markdown, to this file")
	flag.DurationVar(&opts.patience, "patience", checkTimeout, "time for one check")
	flag.Parse()
	opts.sdks = strings.Split(*sdks, ",")

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	total, err := run(ctx, opts, func(line string) { fmt.Println(line) })
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(2)
	}
	fmt.Printf("\n%s\n%s\n", total.table, total)
	if *report != "" {
		if err := os.WriteFile(*report, []byte(total.table), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "conformance: write the coverage:", err)
			os.Exit(2)
		}
	}
	if total.failed > 0 {
		os.Exit(1)
	}
}
