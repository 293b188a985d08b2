// Command goservice serves the scenario handlers with the official Go SDK.
//
// It listens for cleartext HTTP/2 on -listen, prefixes its service names with -prefix and
// appends one line per side effect to -effects.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	restate "github.com/restatedev/sdk-go"
	"github.com/restatedev/sdk-go/server"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:9080", "address to listen on")
	prefix := flag.String("prefix", "Go", "prefix of every service name")
	path := flag.String("effects", "", "file that gets one line per side effect")
	flag.Parse()
	if err := serve(*listen, *prefix, *path); err != nil {
		fmt.Fprintln(os.Stderr, "goservice:", err)
		os.Exit(1)
	}
}

func serve(listen, prefix, path string) error {
	fx, err := openEffects(path)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// Failures are what the checks ask for, so the SDK's warnings about them are noise.
	quiet := slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError + 4})
	endpoint := server.NewRestate().WithLogger(quiet, true)
	for _, definition := range definitions(prefix, fx) {
		endpoint.Bind(definition)
	}
	if err := endpoint.Start(ctx, listen); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("serve on %s: %w", listen, err)
	}
	return nil
}

func definitions(prefix string, fx *effects) []restate.ServiceDefinition {
	return []restate.ServiceDefinition{
		basic{fx}.definition(prefix + "Basic"),
		comm{prefix}.definition(prefix + "Comm"),
		store{}.definition(prefix+"Store", false),
		store{}.definition(prefix+"LazyStore", true),
		waiter{prefix}.definition(prefix + "Waiter"),
		order{fx}.definition(prefix + "Order"),
	}
}
