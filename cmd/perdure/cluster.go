package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/cluster"
	"github.com/perdure/perdure/internal/node"
	"github.com/perdure/perdure/internal/operate"
)

const clusterUsage = `Usage: perdure cluster COMMAND [flags] [arguments]

  local                          run a whole cluster on this machine, for trying things
  status                         nodes, zones, partitions, leaders, what is behind or missing
  provision                      begin a cluster on a node that waits for one
  drain NODE...                  move everything away from nodes
  activate NODE...               take a drain back
  remove NODE                    take a drained node, or one that is lost, out of the cluster
  evacuate-zone ZONE             drain all nodes of a zone by a deadline, and check the result
  transfer-leader PARTITION [NODE]   have a partition led by a node, or by whoever planning chooses
  move PARTITION [NODE...]       have a partition kept on nodes, or wherever planning wants it
  freeze, unfreeze               keep everything where it is, or go on
  set-replication REPLICATION    3, or {zone: 2, node: 3}
  rolling-restart                restart all nodes, one at a time

A node is added by starting it with --metadata-client-addresses set to nodes of the cluster. Orders are
carried out by the cluster: a command that was interrupted only stops watching, and watches again when it
is given again. "perdure cluster COMMAND --help" shows the flags.
`

// clusterCommand is one invocation of "perdure cluster".
type clusterCommand struct {
	fs             *flag.FlagSet
	stdout, stderr io.Writer
	admin          string
	noWait         bool
	client         operate.Client
}

// runCluster runs one of the commands for clusters.
func runCluster(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 || slices.Contains([]string{"help", "--help", "-h"}, args[0]) {
		fmt.Fprint(stdout, clusterUsage)
		return 0
	}
	commands := map[string]func(*clusterCommand, context.Context, []string) error{
		"local": (*clusterCommand).local, "status": (*clusterCommand).status,
		"provision": (*clusterCommand).provision, "drain": (*clusterCommand).drain,
		"activate": (*clusterCommand).activate, "remove": (*clusterCommand).remove,
		"evacuate-zone":   (*clusterCommand).evacuate,
		"transfer-leader": (*clusterCommand).transferLeader, "move": (*clusterCommand).move,
		"freeze": (*clusterCommand).freeze, "unfreeze": (*clusterCommand).unfreeze,
		"set-replication": (*clusterCommand).setReplication,
		"rolling-restart": (*clusterCommand).rollingRestart,
	}
	run := commands[args[0]]
	if run == nil {
		fmt.Fprintf(stderr, "perdure cluster: %q is no command\n\n%s", args[0], clusterUsage)
		return 2
	}
	c := &clusterCommand{
		fs:     flag.NewFlagSet("perdure cluster "+args[0], flag.ContinueOnError),
		stdout: stdout, stderr: stderr,
	}
	c.fs.SetOutput(stderr)
	err := run(c, ctx, args[1:])
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintf(stderr, "%s: %v\n", c.fs.Name(), err)
		return 2
	default:
		fmt.Fprintf(stderr, "%s: %v\n", c.fs.Name(), err)
		return 1
	}
}

// errUsage marks what was typed wrongly.
var errUsage = errors.New("see perdure cluster help")

// parse reads flags and checks the number of arguments; most < 0 is any number.
func (c *clusterCommand) parse(args []string, least, most int) error {
	c.fs.StringVar(&c.admin, "admin", "", "address of the admin API of a node "+
		"(default: RESTATE_ADMIN_URL, else "+defaultAdmin+")")
	if err := c.fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return err
	} else if err != nil {
		return fmt.Errorf("%w: %w", err, errUsage)
	}
	if n := c.fs.NArg(); n < least || most >= 0 && n > most {
		return fmt.Errorf("it takes %s, not %d: %w", arguments(least, most), n, errUsage)
	}
	for _, address := range []string{os.Getenv("RESTATE_ADMIN_URL"), defaultAdmin} {
		if c.admin == "" {
			c.admin = address
		}
	}
	c.client = operate.Client{Admin: c.admin}
	return nil
}

func arguments(least, most int) string {
	switch {
	case most == 0:
		return "no arguments"
	case least == most:
		return fmt.Sprintf("%d arguments", least)
	case most < 0:
		return fmt.Sprintf("at least %d arguments", least)
	default:
		return fmt.Sprintf("%d to %d arguments", least, most)
	}
}

// watched adds the flag of commands that watch their order being carried out.
func (c *clusterCommand) watched() {
	c.fs.BoolVar(&c.noWait, "no-wait", false, "give the order and return at once")
}

// watch waits until an order was carried out, unless it was told not to.
func (c *clusterCommand) watch(ctx context.Context, done func(cluster.Status) (bool, string)) error {
	if c.noWait {
		return nil
	}
	err := operate.Watch(ctx, c.client, c.stdout, done)
	if ctx.Err() != nil {
		return errors.New("no longer watching; the cluster goes on: see perdure cluster status")
	}
	return err
}

// order gives an order and watches it.
func (c *clusterCommand) order(ctx context.Context, done func(cluster.Status) (bool, string), body any,
	path ...string,
) error {
	if _, err := c.client.Order(ctx, body, path...); err != nil {
		return err
	}
	return c.watch(ctx, done)
}

func (c *clusterCommand) status(ctx context.Context, args []string) error {
	asJSON := c.fs.Bool("json", false, "print the API's answer")
	all := c.fs.Bool("all", false, "print all partitions, not only those something is wrong with")
	if err := c.parse(args, 0, 0); err != nil {
		return err
	}
	s, err := c.client.Status(ctx)
	if err != nil {
		return err
	}
	if *asJSON {
		e := json.NewEncoder(c.stdout)
		e.SetIndent("", "  ")
		return e.Encode(s)
	}
	return operate.WriteStatus(c.stdout, s, *all)
}

func (c *clusterCommand) provision(ctx context.Context, args []string) error {
	at := c.fs.String("node", fmt.Sprintf("http://127.0.0.1:%d", node.DefaultFabricPort),
		"address for other nodes of the node that begins the cluster")
	if err := c.parse(args, 0, 0); err != nil {
		return err
	}
	name, err := operate.Provision(ctx, *at)
	if err == nil {
		fmt.Fprintf(c.stdout, "node %s begins the cluster; the others join it\n", name)
	}
	return err
}

func (c *clusterCommand) drain(ctx context.Context, args []string) error {
	force := c.fs.Bool("force", false, "even if the other nodes do not suffice for the replication")
	c.watched()
	if err := c.parse(args, 1, -1); err != nil {
		return err
	}
	nodes := map[cluster.NodeID]bool{}
	for _, name := range c.fs.Args() {
		s, err := c.client.Order(ctx, map[string]bool{"force": *force}, "nodes", name, "drain")
		if err != nil {
			return err
		}
		for _, n := range s.Nodes {
			if n.State == cluster.Draining && named(n, name) {
				nodes[n.ID] = true
			}
		}
	}
	return c.watch(ctx, operate.Drained(nodes))
}

func named(n cluster.NodeStatus, name string) bool {
	return n.Name == name || n.ID.String() == name || n.ID.String() == "N"+name
}

func (c *clusterCommand) activate(ctx context.Context, args []string) error {
	c.watched()
	if err := c.parse(args, 1, -1); err != nil {
		return err
	}
	for _, name := range c.fs.Args() {
		if _, err := c.client.Order(ctx, nil, "nodes", name, "activate"); err != nil {
			return err
		}
	}
	return c.watch(ctx, operate.Rest)
}

func (c *clusterCommand) remove(ctx context.Context, args []string) error {
	lost := c.fs.Bool("lost", false, "the node is gone for good with its data: replace its replicas")
	c.watched()
	if err := c.parse(args, 1, 1); err != nil {
		return err
	}
	return c.order(ctx, func(s cluster.Status) (bool, string) {
		if slices.ContainsFunc(s.Nodes, func(n cluster.NodeStatus) bool { return named(n, c.fs.Arg(0)) }) {
			return false, "still there; " + operate.Summary(s)
		}
		return operate.AtRest(s), "removed; " + operate.Summary(s)
	}, map[string]bool{"lost": *lost}, "nodes", c.fs.Arg(0), "remove")
}

func (c *clusterCommand) evacuate(ctx context.Context, args []string) error {
	force := c.fs.Bool("force", false, "even if the other zones do not suffice for the replication")
	deadline := c.fs.Duration("deadline", 10*time.Minute, "how long it may take")
	if err := c.parse(args, 1, 1); err != nil {
		return err
	}
	began := time.Now()
	zone := c.fs.Arg(0)
	s, err := c.client.Order(ctx, map[string]bool{"force": *force}, "zones", zone, "drain")
	if err != nil {
		return err
	}
	nodes := map[cluster.NodeID]bool{}
	for _, n := range s.Nodes {
		if n.State == cluster.Draining && (n.Zone() == zone || strings.HasSuffix(n.Zone(), "."+zone)) {
			nodes[n.ID] = true
		}
	}
	bounded, cancel := context.WithTimeoutCause(ctx, *deadline, errDeadline)
	defer cancel()
	err = operate.Watch(bounded, c.client, c.stdout, operate.Drained(nodes))
	if errors.Is(err, errDeadline) {
		return fmt.Errorf("zone %s was not empty after %v; the cluster goes on: give the command again to "+
			"watch, or take it back with \"perdure cluster activate\" and the names of its nodes", zone,
			*deadline)
	}
	if err == nil {
		fmt.Fprintf(c.stdout, "zone %s is empty after %v: its nodes may be stopped\n", zone,
			time.Since(began).Round(100*time.Millisecond))
	}
	return err
}

var errDeadline = errors.New("the deadline has passed")

func (c *clusterCommand) transferLeader(ctx context.Context, args []string) error {
	c.watched()
	if err := c.parse(args, 1, 2); err != nil {
		return err
	}
	return c.order(ctx, func(s cluster.Status) (bool, string) {
		for _, p := range s.Partitions {
			if fmt.Sprint(p.ID) == c.fs.Arg(0) {
				return p.Leader == p.Wanted, fmt.Sprintf("partition %d is led by %v", p.ID, p.Leader)
			}
		}
		return true, ""
	}, map[string]string{"node": c.fs.Arg(1)}, "partitions", c.fs.Arg(0), "leader")
}

func (c *clusterCommand) move(ctx context.Context, args []string) error {
	c.watched()
	if err := c.parse(args, 1, -1); err != nil {
		return err
	}
	return c.order(ctx, operate.Rest, map[string][]string{"nodes": c.fs.Args()[1:]},
		"partitions", c.fs.Arg(0), "placement")
}

func (c *clusterCommand) freeze(ctx context.Context, args []string) error {
	return c.setFrozen(ctx, args, true)
}

func (c *clusterCommand) unfreeze(ctx context.Context, args []string) error {
	return c.setFrozen(ctx, args, false)
}

func (c *clusterCommand) setFrozen(ctx context.Context, args []string, frozen bool) error {
	if err := c.parse(args, 0, 0); err != nil {
		return err
	}
	_, err := c.client.Order(ctx, map[string]bool{"frozen": frozen}, "freeze")
	return err
}

func (c *clusterCommand) setReplication(ctx context.Context, args []string) error {
	force := c.fs.Bool("force", false, "even if there are too few nodes for it")
	c.watched()
	if err := c.parse(args, 1, 1); err != nil {
		return err
	}
	r, err := node.ParseReplication(c.fs.Arg(0))
	if err != nil {
		return fmt.Errorf("%w: %w", err, errUsage)
	}
	return c.order(ctx, operate.Rest, map[string]any{
		"node": r.Node, "zone": r.Zone, "region": r.Region, "force": *force,
	}, "replication")
}

func (c *clusterCommand) rollingRestart(ctx context.Context, args []string) error {
	others := c.fs.String("others", "", "admin addresses of further nodes, separated by commas: the one "+
		"that is asked is restarted too")
	release := c.fs.String("release", "", "leave out nodes that run this release already")
	if err := c.parse(args, 0, -1); err != nil {
		return err
	}
	r := operate.Rolling{
		Clients: []operate.Client{c.client}, Command: c.fs.Args(), Release: *release, Out: c.stdout,
	}
	for _, address := range strings.FieldsFunc(*others, func(r rune) bool { return r == ',' }) {
		r.Clients = append(r.Clients, operate.Client{Admin: address})
	}
	return r.Run(ctx)
}

func (c *clusterCommand) local(ctx context.Context, args []string) error {
	nodes := c.fs.Int("nodes", 3, fmt.Sprintf("how many nodes, 1 to %d", operate.MaxLocalNodes))
	zones := c.fs.Int("zones", 0, "over how many zones they are spread (default: as many as nodes, up to 3)")
	replication := c.fs.Int("replication", 0, "replicas of each partition (default: 3, or all nodes)")
	dir := c.fs.String("dir", "./perdure-cluster", "where data and logs are kept")
	if err := c.parse(args, 0, 0); err != nil {
		return err
	}
	if *zones == 0 {
		*zones = min(3, *nodes)
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	return operate.Local{
		Program: []string{program, "serve"}, Nodes: *nodes, Zones: *zones, Replication: *replication,
		Dir: *dir, Out: c.stdout,
	}.Run(ctx)
}
