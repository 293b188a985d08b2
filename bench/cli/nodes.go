package cli

import (
	"context"
	"flag"
	"io"

	"github.com/perdure/perdure/bench/cluster"
	"github.com/perdure/perdure/bench/target"
)

// serveNodes runs a cluster as one process tree.
func serveNodes(ctx context.Context, args []string, stderr io.Writer) error {
	var cfg cluster.Config
	flags := flag.NewFlagSet("bench "+target.NodesCommand, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&cfg.Prefix, "prefix", "", "of the environment variables of the server")
	flags.IntVar(&cfg.Nodes, "nodes", cluster.MinNodes, "number of nodes")
	flags.IntVar(&cfg.Partitions, "partitions", 0, "number of partitions; 0: the server's default")
	flags.StringVar(&cfg.Dir, "dir", "", "`directory` for all data")
	flags.StringVar(&cfg.Ingress, "ingress", "", "port on 127.0.0.1 of the first node for calls")
	flags.StringVar(&cfg.Admin, "admin", "", "port of the first node for operators")
	flags.StringVar(&cfg.Node, "node", "", "port of the first node for other nodes")
	if err := flags.Parse(args); err != nil {
		return usageError{err}
	}
	cfg.Program = flags.Args()
	if err := cfg.Validate(); err != nil {
		return usageError{err}
	}
	return cluster.Run(ctx, cfg, stderr)
}
