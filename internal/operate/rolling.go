package operate

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"

	"github.com/perdure/perdure/cluster"
)

// Rolling restarts the nodes of a cluster, one at a time: each only while all others are up and
// everything has all its replicas, and the next only when it is back and has caught up.
type Rolling struct {
	Clients []Client // of several nodes, since each is away once
	// Command restarts a node; {name}, {id} and {address} stand for the node's. Empty: people are
	// asked to restart it, and the node is waited for.
	Command []string
	// Release skips nodes that run it already, so that an upgrade that was cut off goes on.
	Release string
	Out     io.Writer
}

// Run restarts all nodes.
func (r Rolling) Run(ctx context.Context) error {
	s, _, err := r.ask(ctx)
	if err != nil {
		return err
	}
	nodes := s.Nodes
	slices.SortFunc(nodes, func(a, b cluster.NodeStatus) int {
		return rank(a) - rank(b) // who leads the metadata comes last: one change of leader less
	})
	for _, n := range nodes {
		if r.Release != "" && n.Release == r.Release {
			fmt.Fprintf(r.Out, "%v (%s) runs %s already\n", n.ID, n.Name, n.Release)
			continue
		}
		if err := r.one(ctx, n); err != nil {
			return fmt.Errorf("restart %v (%s): %w; run the command again to go on", n.ID, n.Name, err)
		}
	}
	return nil
}

func rank(n cluster.NodeStatus) int {
	if n.Metadata == "leader" {
		return 1 << 20
	}
	return int(n.ID)
}

func (r Rolling) one(ctx context.Context, n cluster.NodeStatus) error {
	fmt.Fprintf(r.Out, "%v (%s): waiting until it can be spared\n", n.ID, n.Name)
	if err := r.watch(ctx, func(s cluster.Status) (bool, string) {
		return AtRest(s) && allAlive(s), Summary(s)
	}); err != nil {
		return err
	}
	s, _, err := r.ask(ctx)
	if err != nil {
		return err
	}
	before := generation(s, n.ID)
	if len(r.Command) == 0 {
		fmt.Fprintf(r.Out, "%v (%s): restart it now\n", n.ID, n.Name)
	} else {
		replace := strings.NewReplacer("{name}", n.Name, "{id}", n.ID.String(), "{address}", n.Address)
		var args []string
		for _, a := range r.Command {
			args = append(args, replace.Replace(a))
		}
		fmt.Fprintf(r.Out, "%v (%s): %s\n", n.ID, n.Name, strings.Join(args, " "))
		command := exec.CommandContext(ctx, args[0], args[1:]...)
		command.Stdout, command.Stderr = r.Out, r.Out
		if err := command.Run(); err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
	}
	return r.watch(ctx, func(s cluster.Status) (bool, string) {
		if generation(s, n.ID) <= before {
			return false, fmt.Sprintf("%v (%s): not back yet", n.ID, n.Name)
		}
		return AtRest(s) && allAlive(s), fmt.Sprintf("%v (%s): it is back; %s", n.ID, n.Name, Summary(s))
	})
}

func allAlive(s cluster.Status) bool {
	return !slices.ContainsFunc(s.Nodes, func(n cluster.NodeStatus) bool { return !n.Alive })
}

func generation(s cluster.Status, id cluster.NodeID) uint64 {
	for _, n := range s.Nodes {
		if n.ID == id {
			return n.Generation
		}
	}
	return 0
}

// ask asks whichever node answers.
func (r Rolling) ask(ctx context.Context) (s cluster.Status, by Client, err error) {
	for _, c := range r.Clients {
		if s, err = c.Status(ctx); err == nil {
			return s, c, nil
		}
	}
	return s, by, err
}

// watch is Watch through whichever node answers.
func (r Rolling) watch(ctx context.Context, done func(cluster.Status) (bool, string)) error {
	for {
		_, by, err := r.ask(ctx)
		if err == nil {
			err = Watch(ctx, by, r.Out, done)
			if err == nil {
				return nil
			}
		}
		if ctx.Err() != nil || len(r.Clients) < 2 {
			return err
		}
		if _, _, askErr := r.ask(ctx); askErr != nil {
			return err
		}
	}
}
