package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/chaos/cluster/network"
)

// nemesis does something bad to a cluster, and ends it.
type nemesis struct {
	// what it does, for people.
	about string
	// network: it needs a network of its own. nodes: it needs so many of them at least.
	network bool
	nodes   int
	// strike does it and says to whom. It returns what ends it; after that the cluster must recover
	// by itself.
	strike func(ctx context.Context, s *scene) (detail string, heal func(context.Context) error, err error)
}

// scene is what a nemesis works with.
type scene struct {
	cluster *Cluster
	clients *Clients
	rng     *rand.Rand
	hold    time.Duration // how long the fault will last
}

func (s *scene) any() *Node { return s.cluster.nodes[s.rng.IntN(len(s.cluster.nodes))] }

// spare is a node that can be missed for long: its zone has another one.
func (s *scene) spare() *Node {
	in := map[string]int{}
	for _, n := range s.cluster.nodes {
		in[n.zone]++
	}
	_, all := s.some(0)
	for _, n := range all {
		if in[n.zone] > 1 {
			return n
		}
	}
	return all[0]
}

// leader is the node that leads most.
func (s *scene) leader(ctx context.Context) (*Node, error) {
	leads, err := s.cluster.leads(ctx)
	if err != nil {
		return nil, fmt.Errorf("find who leads: %w", err)
	}
	best := 0
	for i, n := range leads {
		if n > leads[best] {
			best = i
		}
	}
	return s.cluster.nodes[best], nil
}

// some are so many different nodes, and the rest.
func (s *scene) some(count int) (chosen, rest []*Node) {
	all := slices.Clone(s.cluster.nodes)
	s.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:count], all[count:]
}

// minority is how many nodes can be missing.
func (s *scene) minority() int { return (len(s.cluster.nodes) - 1) / 2 }

func names(nodes []*Node) string {
	var list []string
	for _, n := range nodes {
		list = append(list, n.name)
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}

// clearWeather is the heal of faults in the network.
func (s *scene) clearWeather(context.Context) error {
	s.cluster.weather.clear()
	return nil
}

func nothing(context.Context) error { return nil }

// nemeses are all of them, by name.
var nemeses = map[string]nemesis{
	"none": {about: "nothing happens", strike: func(context.Context, *scene) (string, func(context.Context) error, error) {
		return "", nothing, nil
	}},
	"kill":            {about: "a node is killed", nodes: 2, strike: killOne},
	"kill-leader":     {about: "the node that leads most is killed", nodes: 2, strike: killLeader},
	"kill-all":        {about: "all nodes are killed at once", strike: killAll},
	"pause":           {about: "a node stands still and goes on", nodes: 2, strike: pauseOne},
	"partition-one":   {about: "a minority is cut off", network: true, nodes: 3, strike: cutMinority},
	"partition-half":  {about: "two groups do not hear each other, leaders in the smaller one", network: true, nodes: 3, strike: cutHalf},
	"one-way":         {about: "a node is heard and does not hear, or the other way round", network: true, nodes: 3, strike: cutOneWay},
	"leader-isolated": {about: "the node that leads most is cut off from the other nodes", network: true, nodes: 3, strike: isolateLeader},
	"ring":            {about: "each node hears its two neighbours only", network: true, nodes: 4, strike: cutToRing},
	"bridge":          {about: "two groups hear each other through one node only", network: true, nodes: 3, strike: cutToBridge},
	"zone":            {about: "a zone is cut off from the others", network: true, nodes: 3, strike: cutZone},
	"slow":            {about: "links between nodes take 50 to 100 ms more", network: true, nodes: 2, strike: slowLinks},
	"lossy":           {about: "links lose, repeat and reorder frames", network: true, nodes: 2, strike: lossyLinks},
	"wipe":            {about: "a node loses its data, is declared lost, and comes back empty", nodes: 4, strike: wipeOne},
	"transfer":        {about: "leadership is handed from node to node", nodes: 2, strike: transferLeaders},
	"transfer-stuck":  {about: "leadership is handed to a node that stands still", nodes: 3, strike: transferToPaused},
	"membership":      {about: "a node is drained and removed, and joins anew", nodes: 4, strike: changeMembers},
	"rolling-restart": {about: "all nodes are stopped and started in turn", nodes: 3, strike: rollingRestart},
	"service":         {about: "the service is killed", strike: killService},
}

// nemesisNames are all of them, in the order in which they are run.
var nemesisNames = []string{"none", "kill", "kill-leader", "kill-all", "pause", "partition-one",
	"partition-half", "one-way", "leader-isolated", "ring", "bridge", "zone", "slow", "lossy", "wipe",
	"transfer", "transfer-stuck", "membership", "rolling-restart", "service"}

// possible says why a nemesis cannot be had on a cluster.
func (n nemesis) possible(c *Cluster) error {
	switch {
	case n.network && c.net == nil:
		return fmt.Errorf("it needs a network of its own, which cannot be made here: %w", c.why)
	case len(c.nodes) < n.nodes:
		return fmt.Errorf("it needs %d nodes", n.nodes)
	}
	return nil
}

func killNode(n *Node) (string, func(context.Context) error, error) {
	n.kill()
	return n.String(), n.restart, nil
}

func killOne(_ context.Context, s *scene) (string, func(context.Context) error, error) {
	return killNode(s.any())
}

func killLeader(ctx context.Context, s *scene) (string, func(context.Context) error, error) {
	n, err := s.leader(ctx)
	if err != nil {
		return "", nil, err
	}
	return killNode(n)
}

func killAll(_ context.Context, s *scene) (string, func(context.Context) error, error) {
	c := s.cluster
	for _, n := range c.nodes {
		n.kill()
	}
	return "all", func(ctx context.Context) error {
		for _, n := range c.nodes {
			if err := n.launch(); err != nil {
				return err
			}
		}
		return c.awaitServing(ctx, startWithin, c.nodes...)
	}, nil
}

func pauseOne(_ context.Context, s *scene) (string, func(context.Context) error, error) {
	n := s.any()
	if err := n.proc.Pause(); err != nil {
		return "", nil, err
	}
	return n.String(), func(context.Context) error { return n.proc.Resume() }, nil
}

func cutMinority(_ context.Context, s *scene) (string, func(context.Context) error, error) {
	few, rest := s.some(1 + s.rng.IntN(s.minority()))
	s.cluster.weather.split(few, rest)
	return names(few) + " | " + names(rest), s.clearWeather, nil
}

// cutHalf puts the node that leads most into the smaller half: the larger one has to do without it.
func cutHalf(ctx context.Context, s *scene) (string, func(context.Context) error, error) {
	leader, err := s.leader(ctx)
	if err != nil {
		return "", nil, err
	}
	few := []*Node{leader}
	_, all := s.some(0)
	for _, n := range all {
		if n != leader && len(few) < s.minority() {
			few = append(few, n)
		}
	}
	rest := slices.DeleteFunc(all, func(n *Node) bool { return slices.Contains(few, n) })
	s.cluster.weather.split(few, rest)
	return names(few) + " | " + names(rest), s.clearWeather, nil
}

func cutOneWay(_ context.Context, s *scene) (string, func(context.Context) error, error) {
	one, rest := s.some(1)
	deaf := s.rng.IntN(2) == 0
	for _, n := range rest {
		if deaf {
			s.cluster.weather.cut(n, one[0])
		} else {
			s.cluster.weather.cut(one[0], n)
		}
	}
	detail := one[0].name + " is not heard"
	if deaf {
		detail = one[0].name + " hears nothing"
	}
	return detail, s.clearWeather, nil
}

func isolateLeader(ctx context.Context, s *scene) (string, func(context.Context) error, error) {
	n, err := s.leader(ctx)
	if err != nil {
		return "", nil, err
	}
	_, rest := s.some(0)
	rest = slices.DeleteFunc(rest, func(other *Node) bool { return other == n })
	s.cluster.weather.split([]*Node{n}, rest)
	return n.String(), s.clearWeather, nil
}

func cutToRing(_ context.Context, s *scene) (string, func(context.Context) error, error) {
	_, all := s.some(0)
	for i, a := range all {
		for j, b := range all {
			if d := (i - j + len(all)) % len(all); d > 1 && d < len(all)-1 {
				s.cluster.weather.cut(a, b)
			}
		}
	}
	var order []string
	for _, n := range all {
		order = append(order, n.name)
	}
	return strings.Join(order, "-"), s.clearWeather, nil
}

func cutToBridge(_ context.Context, s *scene) (string, func(context.Context) error, error) {
	_, all := s.some(0)
	bridge, half := all[0], 1+(len(all)-1)/2
	s.cluster.weather.split(all[1:half], all[half:])
	return names(all[1:half]) + " - " + bridge.name + " - " + names(all[half:]), s.clearWeather, nil
}

func cutZone(_ context.Context, s *scene) (string, func(context.Context) error, error) {
	zone := s.any().zone
	_, rest := s.some(0)
	in := slices.DeleteFunc(slices.Clone(rest), func(n *Node) bool { return n.zone != zone })
	rest = slices.DeleteFunc(rest, func(n *Node) bool { return n.zone == zone })
	s.cluster.weather.split(in, rest)
	return zone + ": " + names(in), s.clearWeather, nil
}

func slowLinks(_ context.Context, s *scene) (string, func(context.Context) error, error) {
	s.cluster.weather.between(network.Link{Delay: 25 * time.Millisecond, Jitter: 25 * time.Millisecond})
	return "all links", s.clearWeather, nil
}

func lossyLinks(_ context.Context, s *scene) (string, func(context.Context) error, error) {
	s.cluster.weather.between(network.Link{Loss: 0.05, Duplicate: 0.05, Reorder: 0.1})
	return "5 % lost, 5 % twice, 10 % out of order", s.clearWeather, nil
}

// wipeOne loses a node's data for good. Starting it under its old name is refused until an operator
// says that it is lost; then it joins as a new node.
func wipeOne(ctx context.Context, s *scene) (string, func(context.Context) error, error) {
	n, c := s.spare(), s.cluster
	number, err := c.number(ctx, n)
	if err != nil {
		return "", nil, err
	}
	n.kill()
	if err := n.wipe(); err != nil {
		return "", nil, err
	}
	return n.String(), func(ctx context.Context) error {
		if err := n.launch(); err != nil {
			return err
		}
		select {
		case <-n.proc.Done():
		case <-time.After(startWithin):
			return fmt.Errorf("node %s, whose data is gone, was not refused", n.name)
		}
		if words := n.proc.Tail(); !strings.Contains(words, "remove") {
			return fmt.Errorf("node %s, whose data is gone, ended without saying what to do:\n%s", n.name, words)
		}
		n.kill()
		err := c.order(ctx, "nodes/"+number+"/remove", `{"lost":true}`)
		if err == nil {
			err = c.awaitGone(ctx, n)
		}
		if err == nil {
			err = n.restart(ctx)
		}
		if err == nil {
			err = c.awaitSettled(ctx, startWithin)
		}
		return err
	}, nil
}

// number is how the cluster numbers a node, "N3".
func (c *Cluster) number(ctx context.Context, n *Node) (string, error) {
	s, err := c.status(ctx)
	if err != nil {
		return "", err
	}
	for _, known := range s.Nodes {
		if known.Name == n.name {
			return fmt.Sprintf("N%d", known.ID), nil
		}
	}
	return "", fmt.Errorf("the cluster has no node %s", n.name)
}

// awaitGone waits until the cluster does not know a node any more.
func (c *Cluster) awaitGone(ctx context.Context, n *Node) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	return poll(ctx, func() error {
		s, err := c.status(ctx)
		if err != nil {
			return err
		}
		for _, known := range s.Nodes {
			if known.Name == n.name {
				return fmt.Errorf("node %s is still %s after %v, and holds %d replicas", n.name, known.State, startWithin, known.Holds)
			}
		}
		return nil
	})
}

// transferLeaders moves the leadership of every partition, again and again while it lasts.
func transferLeaders(ctx context.Context, s *scene) (string, func(context.Context) error, error) {
	status, err := s.cluster.status(ctx)
	if err != nil {
		return "", nil, err
	}
	moved := 0
	until := time.Now().Add(s.hold)
	for time.Now().Before(until) && ctx.Err() == nil {
		for _, p := range status.Partitions {
			voters := slices.DeleteFunc(slices.Clone(p.Replicas), func(r Replica) bool { return r.Role != "voter" })
			if len(voters) == 0 {
				continue // it is on the move
			}
			to := voters[s.rng.IntN(len(voters))].Node
			path := fmt.Sprintf("partitions/%d/leader", p.ID)
			if err := s.cluster.order(ctx, path, fmt.Sprintf(`{"node":"%d"}`, to)); err != nil {
				return "", nil, err
			}
			moved++
		}
		pause(ctx, s.hold/4)
	}
	return fmt.Sprintf("%d times", moved), func(ctx context.Context) error {
		for _, p := range status.Partitions {
			if err := s.cluster.order(ctx, fmt.Sprintf("partitions/%d/leader", p.ID), "{}"); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// transferToPaused hands leaderships to a node that stands still: the leaders give up what is proposed
// meanwhile, and then go on leading.
func transferToPaused(ctx context.Context, s *scene) (string, func(context.Context) error, error) {
	status, err := s.cluster.status(ctx)
	if err != nil {
		return "", nil, err
	}
	pair, _ := s.some(2)
	to, through := pair[0], pair[1]
	held := status.heldBy(to.name)
	if err := to.proc.Pause(); err != nil {
		return "", nil, err
	}
	lead := func(ctx context.Context, body string) error {
		ctx, cancel := context.WithTimeout(ctx, orderWithin)
		defer cancel()
		for _, partition := range held {
			path := fmt.Sprintf("/cluster/partitions/%d/leader", partition)
			err := poll(ctx, func() error { return through.admin(ctx, http.MethodPost, path, body, nil) })
			if err != nil {
				return err
			}
		}
		return nil
	}
	heal := func(ctx context.Context) error {
		if err := to.proc.Resume(); err != nil {
			return err
		}
		return lead(ctx, "{}")
	}
	if err := lead(ctx, fmt.Sprintf(`{"node":"%s"}`, to.name)); err != nil {
		return "", nil, errors.Join(err, heal(ctx))
	}
	return to.String(), heal, nil
}

// heldBy are the partitions of which a node has a replica with a vote.
func (s Status) heldBy(name string) (partitions []int) {
	for _, n := range s.Nodes {
		if n.Name != name {
			continue
		}
		for _, p := range s.Partitions {
			if slices.ContainsFunc(p.Replicas, func(r Replica) bool { return r.Node == n.ID && r.Role == "voter" }) {
				partitions = append(partitions, p.ID)
			}
		}
	}
	return partitions
}

// changeMembers has a node leave in good order, and join again as a new one.
func changeMembers(ctx context.Context, s *scene) (string, func(context.Context) error, error) {
	n, c := s.spare(), s.cluster
	if err := c.leave(ctx, n); err != nil {
		return "", nil, err
	}
	return n.String() + " has left", func(ctx context.Context) error {
		err := n.wipe()
		if err == nil {
			err = n.restart(ctx)
		}
		if err == nil {
			err = c.awaitSettled(ctx, startWithin)
		}
		return err
	}, nil
}

// leave drains a node, removes it and stops it.
func (c *Cluster) leave(ctx context.Context, n *Node) error {
	number, err := c.number(ctx, n)
	if err != nil {
		return err
	}
	if err := c.order(ctx, "nodes/"+number+"/drain", ""); err != nil {
		return err
	}
	if err := c.awaitDrained(ctx, startWithin, n); err != nil {
		return err
	}
	// By its number: the answer may be lost with the node, and the order is then given again to another.
	if err := c.order(ctx, "nodes/"+number+"/remove", ""); err != nil {
		return err
	}
	// It stops by itself when it learns that it is no longer a node.
	select {
	case <-n.proc.Done():
	case <-time.After(stopTimeout):
		return fmt.Errorf("node %s was removed and still runs after %v", n.name, stopTimeout)
	}
	n.kill()
	return nil
}

// awaitDrained waits until nodes hold nothing any more.
func (c *Cluster) awaitDrained(ctx context.Context, within time.Duration, nodes ...*Node) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return poll(ctx, func() error {
		s, err := c.status(ctx)
		if err != nil {
			return err
		}
		for _, n := range s.Nodes {
			i := c.indexOf(n.Name)
			if i >= 0 && slices.Contains(nodes, c.nodes[i]) && n.Holds > 0 {
				return fmt.Errorf("%s still holds %d replicas after %v", n.Name, n.Holds, within)
			}
		}
		return s.settled()
	})
}

// rollingRestart stops and starts each node in good order, the next one when the last one serves.
func rollingRestart(ctx context.Context, s *scene) (string, func(context.Context) error, error) {
	var took []string
	for _, n := range s.cluster.nodes {
		stopped, err := n.stop()
		if err == nil {
			err = n.restart(ctx)
		}
		if err == nil {
			err = s.cluster.awaitSettled(ctx, startWithin)
		}
		if err != nil {
			return "", nil, err
		}
		took = append(took, fmt.Sprintf("%s stopped in %v", n.name, stopped.Round(time.Millisecond)))
	}
	return strings.Join(took, ", "), nothing, nil
}

func killService(_ context.Context, s *scene) (string, func(context.Context) error, error) {
	s.cluster.service.proc.Kill()
	return "service", s.cluster.service.start, nil
}
