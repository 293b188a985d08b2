package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/perdure/perdure/bench/floor"
	"github.com/perdure/perdure/bench/target"
)

// serveFloor runs the stub that stands for the fastest possible server.
func serveFloor(ctx context.Context, args []string, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("bench "+target.FloorCommand, flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("dir", "", "`directory` on the disk that is measured")
	ingressPort := flags.Int("ingress", 0, "port on 127.0.0.1 for calls")
	adminPort := flags.Int("admin", 0, "port on 127.0.0.1 for registrations")
	if err := flags.Parse(args); err != nil {
		return usageError{err}
	}
	if *dir == "" || *ingressPort == 0 || *adminPort == 0 {
		return usageError{errors.New("give --dir, --ingress and --admin")}
	}
	server, err := floor.New(*dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	var listeners [2]net.Listener
	for i, port := range []int{*ingressPort, *adminPort} {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		listeners[i], err = new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("serve the floor: %w", err)
		}
		defer listeners[i].Close()
	}
	return server.Serve(ctx, listeners[0], listeners[1])
}
