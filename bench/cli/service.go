package cli

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/perdure/perdure/bench/target"
	"github.com/perdure/perdure/bench/workload"
)

// serviceCommand runs the handlers in a process of their own, so that their CPU time is not the
// server's.
const serviceCommand = "serve-service"

const (
	listening          = "listening on "
	serviceStartWait   = 20 * time.Second
	serviceStopTimeout = 5 * time.Second
)

func serveService(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench "+serviceCommand, flag.ContinueOnError)
	flags.SetOutput(stderr)
	port := flags.Int("port", 0, "port on 127.0.0.1; 0 picks one and prints it")
	if err := flags.Parse(args); err != nil {
		return usageError{err}
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(*port))
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("serve the benchmark services: %w", err)
	}
	fmt.Fprintln(stdout, listening+listener.Addr().String())
	return workload.Serve(ctx, listener, stderr)
}

// service is the running service process.
type service struct {
	process *target.Process
	uri     string
}

// startService runs this program again as the service.
func startService(args []string, stderr io.Writer) (*service, error) {
	command, err := selfCommand(args)
	if err != nil {
		return nil, fmt.Errorf("start the benchmark services: %w", err)
	}
	command = append(command, serviceCommand, "--port", "0")
	out, in := io.Pipe()
	process, err := target.StartProcess(command, os.Environ(), in, stderr)
	if err != nil {
		return nil, fmt.Errorf("start the benchmark services: %w", err)
	}
	go func() {
		<-process.Done()
		in.Close()
	}()
	line := make(chan string, 1)
	go func() {
		reader := bufio.NewReader(out)
		text, _ := reader.ReadString('\n') // what was read before an error is judged below
		line <- text
		_, _ = io.Copy(io.Discard, reader) // keeps the process from blocking on a full pipe
	}()
	var text string
	select {
	case text = <-line:
	case <-time.After(serviceStartWait):
	}
	var address string
	if _, err := fmt.Sscanf(text, listening+"%s", &address); err != nil {
		process.Kill()
		return nil, fmt.Errorf("start the benchmark services: they said %q", text)
	}
	return &service{process: process, uri: "http://" + address}, nil
}

func (s *service) stop() { s.process.Stop(serviceStopTimeout) }

// selfCommand returns the command line of this program up to, not including, args: the benchmark
// may be a subcommand of another program.
func selfCommand(args []string) ([]string, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return append([]string{path}, hostArgs(args)...), nil
}

// hostArgs returns what stands before args on the command line of this process.
func hostArgs(args []string) []string {
	own := os.Args[1:]
	before := len(own) - len(args)
	if before < 0 || !slices.Equal(own[before:], args) {
		return nil
	}
	return slices.Clone(own[:before])
}
