package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	opts := options{}
	flag.StringVar(&opts.server, "server", "", "binary of the server; it is built if this is empty")
	flag.StringVar(&opts.dir, "dir", "",
		"where to keep data and logs; a temporary directory if empty")
	flag.StringVar(&opts.match, "run", "", "only entries whose area and name contain this")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	passed, failed := 0, 0
	err := run(ctx, opts, func(name string, err error) {
		if err != nil {
			failed++
			fmt.Printf("FAIL %s: %v\n", name, err)
			return
		}
		passed++
		fmt.Println("pass", name)
	})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		os.Exit(2)
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 || passed == 0 {
		os.Exit(1)
	}
}
