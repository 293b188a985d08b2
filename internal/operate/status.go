package operate

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/perdure/perdure/cluster"
)

// WriteStatus prints a status for people; partitions only as far as something is wrong with them,
// unless all.
func WriteStatus(w io.Writer, s cluster.Status, all bool) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	frozen := ""
	if s.Frozen {
		frozen = ", frozen"
	}
	fmt.Fprintf(t, "cluster %s (%s), replication %v%s: %s\n\n", s.Cluster, s.Fingerprint,
		s.Replication, frozen, Summary(s))
	fmt.Fprintln(t, "NODE\tNAME\tADDRESS\tZONE\tSTATE\tLEADS\tREPLICAS\tMETADATA\tCLOCK\tRELEASE")
	for _, n := range s.Nodes {
		fmt.Fprintf(t, "%v\t%s\t%s\t%s\t%s\t%d\t%d\t%s\t%+dms\t%s\n", n.ID, n.Name, n.Address,
			orDash(n.Zone()), nodeState(n), n.Leads, n.Replicas, n.Metadata, n.SkewMillis, n.Release)
	}
	first := true
	for _, p := range s.Partitions {
		if !all && healthy(p) {
			continue
		}
		if first {
			fmt.Fprintln(t, "\nPARTITION\tLEADER\tTERM\tREPLICAS")
			first = false
		}
		fmt.Fprintf(t, "%d\t%s\t%d\t%s\n", p.ID, leaderText(p), p.Term, replicasText(p))
	}
	return t.Flush()
}

// Summary says in a few words how the cluster is.
func Summary(s cluster.Status) string {
	if s.Waiting != "" {
		return s.Waiting
	}
	var parts []string
	for _, c := range []struct {
		count int
		what  string
	}{
		{s.Leaderless, "without a leader"}, {s.Under, "with too few replicas alive"}, {s.Moving, "moving"},
		{lagging(s), "with replicas that catch up"},
	} {
		if c.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.count, c.what))
		}
	}
	if len(parts) == 0 {
		return fmt.Sprintf("all %d partitions are well", len(s.Partitions))
	}
	return fmt.Sprintf("of %d partitions %s", len(s.Partitions), strings.Join(parts, ", "))
}

// closeLag is how many entries a replica may be behind and still count as level.
const closeLag = 1024

func lags(p cluster.PartitionStatus) bool {
	return slices.ContainsFunc(p.Replicas, func(r cluster.ReplicaStatus) bool {
		return r.Alive && (r.Lag < 0 || r.Lag > closeLag)
	})
}

func lagging(s cluster.Status) (count int) {
	for _, p := range s.Partitions {
		if lags(p) {
			count++
		}
	}
	return count
}

func healthy(p cluster.PartitionStatus) bool {
	return p.Leader != 0 && p.Settled && !lags(p) &&
		!slices.ContainsFunc(p.Replicas, func(r cluster.ReplicaStatus) bool { return !r.Alive })
}

// AtRest tells whether nothing is missing, moving or behind.
func AtRest(s cluster.Status) bool {
	return s.Waiting == "" && s.Leaderless+s.Under+s.Moving+lagging(s) == 0
}

func nodeState(n cluster.NodeStatus) string {
	state := string(n.State)
	if !n.Alive {
		state += ", silent"
		if n.HeardMillis >= 0 {
			ago := time.Duration(n.HeardMillis) * time.Millisecond
			state += " for " + ago.Round(time.Second).String()
		}
	}
	if n.State != cluster.Active && n.Holds > 0 {
		state += fmt.Sprintf(", holds %d", n.Holds)
	}
	return state
}

func leaderText(p cluster.PartitionStatus) string {
	if p.Leader == 0 {
		return "none"
	}
	return p.Leader.String()
}

func replicasText(p cluster.PartitionStatus) string {
	var parts []string
	for _, r := range p.Replicas {
		text := r.Node.String()
		if r.Role != "voter" {
			text += " " + r.Role
		}
		if !r.Alive {
			text += " (silent)"
		} else if r.Lag > closeLag {
			text += fmt.Sprintf(" (%d behind)", r.Lag)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
