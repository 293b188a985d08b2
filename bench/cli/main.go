package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/perdure/perdure/bench/report"
	"github.com/perdure/perdure/bench/target"
)

// What Main returns, for os.Exit.
const (
	exitOK     = 0
	exitFailed = 1 // could not measure, or some call failed
	exitUsage  = 2
)

const usage = `usage: bench [run|idle|recovery|sql|all|report] [flags]

  run       throughput, latency and cost per call (the default)
  idle      start-up times, memory and CPU without calls
  recovery  time until calls are answered after kill -9
  sql       queries on many invocations, and what they do to calls beside them
  all       everything there is a target for, and whether it was reached; --quick for a first look
  report    rewrite reports for readers, or join several: bench report [--out PATH] FILE.json...

Servers, in any number; figures of the first are compared with each of the others:
  --server perdure              this module's server, built for the run
  --server perdure=PATH         a perdure binary
  --peer restate                the reference server from npm; also restate=PATH, restate=VERSION
  --server name=N,perdure=PATH  the same under another name
  --server name=N,perdure,partitions=P
                                a new server with that many partitions
  --server perdure-cluster      three nodes on this machine; also restate-cluster, ...,nodes=5
  --server floor                what disk, loopback and SDK cost alone: a stub of a server
  --server name=N,cmd='A=1 prog --dir {dir} --port {ingress}'
                                any compatible server; {dir} {ingress} {admin} {node} are filled in
  --ingress URL --admin URL     a server that is running already; with --pid its cost is measured

"bench COMMAND --help" lists the flags of a command.
`

// errFailedCalls is returned when the report was written but some calls failed.
var errFailedCalls = errors.New("some calls failed; the figures above are not valid")

// usageError is a mistake in the command line.
type usageError struct{ error }

// Main runs the benchmark's command line without the program name, and returns the exit status.
// Tables go to stdout; progress and errors go to stderr.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	stderr = &sharedWriter{to: stderr}
	command, rest := "run", args
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command, rest = args[0], args[1:]
	}
	var err error
	switch command {
	case "run", "idle", "recovery", sqlCommand, report.KindAll:
		err = measure(ctx, command, args, rest, stdout, stderr)
	case reportCommand:
		err = rewriteReport(rest, stdout, stderr)
	case serviceCommand:
		err = serveService(ctx, rest, stdout, stderr)
	case target.NodesCommand:
		err = serveNodes(ctx, rest, stderr)
	case target.FloorCommand:
		err = serveFloor(ctx, rest, stderr)
	case "help":
		fmt.Fprint(stdout, usage)
	default:
		err = usageError{fmt.Errorf("unknown command %q\n%s", command, usage)}
	}
	var wrong usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.As(err, &wrong):
		fmt.Fprintln(stderr, "bench:", err)
		return exitUsage
	default:
		fmt.Fprintln(stderr, "bench:", err)
		return exitFailed
	}
}

// sharedWriter lets the service process and this one write to the same place.
type sharedWriter struct {
	mu sync.Mutex
	to io.Writer // guarded by mu
}

func (w *sharedWriter) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(text)
}
