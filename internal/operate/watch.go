package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/perdure/perdure/cluster"
)

const (
	watchInterval = 250 * time.Millisecond
	// silence is how long a cluster that cannot be asked is asked again.
	silence = 30 * time.Second
)

// Watch asks for the status until done says that there is no more to wait for, and prints what done
// says of it whenever that changes.
func Watch(ctx context.Context, c Client, out io.Writer,
	done func(cluster.Status) (over bool, progress string),
) error {
	said, heard := "", time.Now()
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for {
		s, err := c.Status(ctx)
		var refused *RefusedError
		switch {
		case err == nil:
			heard = time.Now()
			over, progress := done(s)
			if progress != said {
				fmt.Fprintln(out, progress)
				said = progress
			}
			if over {
				return nil
			}
		case ctx.Err() != nil:
		case errors.As(err, &refused) || time.Since(heard) > silence:
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// Drained is what Watch waits for after nodes were drained: nothing is on them any more, and
// everything has all its replicas elsewhere, which have caught up.
func Drained(nodes map[cluster.NodeID]bool) func(cluster.Status) (bool, string) {
	return func(s cluster.Status) (bool, string) {
		left, there := 0, map[cluster.NodeID]bool{}
		for _, n := range s.Nodes {
			there[n.ID] = true
			if nodes[n.ID] {
				left += n.Holds
			}
		}
		for _, p := range s.Partitions {
			for _, r := range p.Replicas {
				if nodes[r.Node] && r.Role == "leaving" {
					left++
				}
			}
		}
		if left > 0 {
			return false, fmt.Sprintf("%d replicas to go; %s", left, Summary(s))
		}
		if !AtRest(s) {
			return false, "nothing is left there; " + Summary(s)
		}
		return true, fmt.Sprintf("nothing is left there, and every one of the %d partitions has a "+
			"leader and all its replicas elsewhere, level with it", len(s.Partitions))
	}
}

// Rest is what Watch waits for after other orders.
func Rest(s cluster.Status) (bool, string) { return AtRest(s), Summary(s) }
