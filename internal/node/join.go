package node

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/perdure/perdure/bifrost/transport"
	"github.com/perdure/perdure/cluster"
)

const (
	seedTimeout  = 2 * time.Second        // for one question to a seed
	seedPause    = 100 * time.Millisecond // between rounds of questions
	seedMaxPause = 2 * time.Second        // likewise, of a node that knows where the others were
	seedReport   = 5 * time.Second        // how often a waiting node says what it waits for
	maxJoinBytes = 1 << 20
)

// identify finds out which node this is: from its data, or from the cluster it joins, or as the
// first node of a new one.
func (n *Node) identify(ctx context.Context) (id cluster.Identity, err error) {
	dir := n.cfg.NodeDir()
	id, ok, err := cluster.LoadIdentity(dir)
	switch {
	case err != nil:
		return id, err
	case ok:
		if err := id.Check(dir, n.cfg.ClusterName, n.cfg.NodeName); err != nil {
			return id, err
		}
		n.instance = id.Instance
		if err := n.askPermission(ctx, id); err != nil {
			return id, err
		}
	case n.hasLogs():
		id = n.firstNode() // it was alone before nodes had identities
	default:
		if id, err = n.find(ctx); err != nil {
			return id, err
		}
	}
	id.Generation++
	if err := id.Save(dir); err != nil {
		return id, err
	}
	n.directory = cluster.NewDirectory(id.Node, 0, id.Addresses, func(other cluster.NodeID,
		skew time.Duration) {
		n.log.Error("the clock of another node is too far from this one's: synchronise the clocks "+
			"of all nodes, for example with chrony", "other", other.String(), "skew", skew)
	})
	n.identity.Store(&id) // whoever sees it may use the directory
	return id, nil
}

// hasLogs tells whether the directory holds logs.
func (n *Node) hasLogs() bool {
	_, err := os.Stat(filepath.Join(n.cfg.NodeDir(), "log", "identity.json"))
	return err == nil
}

func (n *Node) firstNode() cluster.Identity {
	return cluster.Identity{
		Cluster: n.cfg.ClusterName, Fingerprint: cluster.NewToken(), Node: 1, Name: n.cfg.NodeName,
		Instance: n.instance,
	}
}

func (n *Node) joinRequest() cluster.JoinRequest {
	return cluster.JoinRequest{
		Cluster: n.cfg.ClusterName, Name: n.cfg.NodeName, Instance: n.instance, Address: n.address,
		Location: n.cfg.Location, Roles: n.cfg.Roles, Protocol: transport.Protocol,
		Release: n.version, Millis: time.Now().UnixMilli(),
	}
}

// find asks the seeds until there is a cluster to join or this node is to begin one.
func (n *Node) find(ctx context.Context) (id cluster.Identity, err error) {
	seeds := n.cfg.MetadataClient.Addresses
	waiting, reported := "", time.Now()
	for {
		r := n.askSeeds(ctx, seeds)
		switch {
		case r.err != nil:
			return id, r.err
		case r.joined != nil:
			return n.joined(*r.joined), nil
		case r.others == 0 && n.cfg.AutoProvision, n.mayBegin(r, len(seeds)):
			return n.firstNode(), nil
		}
		waiting = r.waiting(n.cfg.AutoProvision)
		if time.Since(reported) > seedReport {
			reported = time.Now()
			n.log.Warn("waiting for the cluster", "for", waiting)
		}
		select {
		case <-n.provision:
			return n.firstNode(), nil
		case <-ctx.Done():
			return id, fmt.Errorf("find the cluster: %w: %s", context.Cause(ctx), waiting)
		case <-time.After(seedPause):
		}
	}
}

// mayBegin: of several nodes that are started alike, the first of the list begins the cluster, once
// a majority of the list has said that there is none. If it had merely lost its data, the others
// would know.
func (n *Node) mayBegin(r seedRound, seeds int) bool {
	return n.cfg.AutoProvision && r.first && len(r.empty)+1 > seeds/2
}

// seedRound is what a round of questions has brought.
type seedRound struct {
	joined *cluster.JoinReply
	err    error // trying again would not help
	others int   // seeds that are not this node
	first  bool  // this node is the first seed
	empty  []string
	failed []string
}

func (r seedRound) waiting(auto bool) string {
	var parts []string
	if len(r.failed) > 0 {
		parts = append(parts, "no answer from "+strings.Join(r.failed, "; ")+
			": check metadata-client.addresses and that these nodes run")
	}
	if len(r.empty) > 0 || r.others == 0 {
		hint := "run \"perdure cluster provision\" once, on one node"
		if auto {
			hint = "the first of metadata-client.addresses begins the cluster when a majority of them " +
				"is up; or " + hint
		}
		parts = append(parts, "no node belongs to a cluster yet: "+hint)
	}
	return strings.Join(parts, "; ")
}

// askSeeds asks every seed, and joins through the first that belongs to a cluster.
func (n *Node) askSeeds(ctx context.Context, seeds []string) (r seedRound) {
	for i, seed := range seeds {
		var hello cluster.Hello
		err := n.ask(ctx, http.MethodGet, seed, "cluster/hello", nil, &hello)
		var refused *cluster.RefusedError
		if errors.As(err, &refused) {
			r.err = fmt.Errorf("join the cluster through %s: %w", seed, err)
			return r
		}
		if err != nil {
			r.others++
			r.failed = append(r.failed, fmt.Sprintf("%s (%v)", seed, err))
			continue
		}
		if hello.Instance == n.instance {
			r.first = r.first || i == 0
			continue
		}
		r.others++
		if !hello.Provisioned {
			r.empty = append(r.empty, seed)
			continue
		}
		if r.err = n.checkHello(seed, hello); r.err != nil {
			return r
		}
		var reply cluster.JoinReply
		err = n.ask(ctx, http.MethodPost, seed, "cluster/join", n.joinRequest(), &reply)
		switch {
		case err == nil:
			r.joined = &reply
			return r
		case errors.As(err, &refused):
			r.err = fmt.Errorf("join the cluster through %s: %w", seed, err)
			return r
		default:
			r.failed = append(r.failed, fmt.Sprintf("%s (%v)", seed, err))
		}
	}
	return r
}

// checkHello refuses what no request to join could overcome.
func (n *Node) checkHello(seed string, h cluster.Hello) error {
	if h.Cluster != n.cfg.ClusterName {
		return fmt.Errorf("join the cluster through %s: it is cluster %q, the configuration says %q: "+
			"correct cluster-name or metadata-client.addresses", seed, h.Cluster, n.cfg.ClusterName)
	}
	if err := n.checkCompany(h); err != nil {
		return fmt.Errorf("join the cluster through %s: %w", seed, err)
	}
	return nil
}

// checkCompany refuses to run beside a node of another protocol, or with another time.
func (n *Node) checkCompany(h cluster.Hello) error {
	if h.Protocol != transport.Protocol {
		return fmt.Errorf("node %s runs release %q with protocol %d between nodes, this one release %q with "+
			"protocol %d: run the cluster's release", h.Name, h.Release, h.Protocol, n.version, transport.Protocol)
	}
	return cluster.CheckClock("node "+h.Name, time.UnixMilli(h.Millis), time.Now())
}

func (n *Node) joined(r cluster.JoinReply) cluster.Identity {
	id := n.firstNode()
	id.Node, id.Fingerprint, id.Addresses = r.Node, r.Fingerprint, r.Addresses
	return id
}

// askPermission asks the other nodes whether this one may start with the data it has. Who cannot be
// reached has no say: the registry is asked again later.
func (n *Node) askPermission(ctx context.Context, id cluster.Identity) error {
	for other, address := range id.Addresses {
		if other == id.Node {
			continue
		}
		hello, err := n.askHello(ctx, id, n.certificates.scheme()+address)
		if err != nil || !hello.Provisioned || hello.Node != other {
			continue
		}
		switch {
		case hello.Cluster != id.Cluster || hello.Fingerprint != id.Fingerprint:
			return fmt.Errorf("node %s at %s belongs to cluster %s/%s, this data to %s: correct the "+
				"addresses, or base-dir", hello.Name, address, hello.Cluster, hello.Fingerprint, id)
		case hello.Refused != "":
			return fmt.Errorf("node %s refuses this one: %s", hello.Name, hello.Refused)
		}
		return n.checkCompany(hello)
	}
	return nil
}

// askHello asks another node who it is and what it thinks of this one, and says where this one is.
func (n *Node) askHello(ctx context.Context, id cluster.Identity, base string) (
	hello cluster.Hello, err error,
) {
	q := url.Values{
		"node": {strconv.FormatUint(uint64(id.Node), 10)}, "instance": {id.Instance},
		"fingerprint": {id.Fingerprint}, "address": {n.address},
	}
	err = n.ask(ctx, http.MethodGet, base, "cluster/hello?"+q.Encode(), nil, &hello)
	return hello, err
}

// seek asks the seeds who they are, again and again until it is told to stop: nodes may have moved
// while this one was down, all of them even, and the registry cannot tell before they have met.
func (n *Node) seek(ctx context.Context, id cluster.Identity) (stop func()) {
	if len(n.cfg.MetadataClient.Addresses) == 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		reported := time.Now()
		for pause := seedPause; ctx.Err() == nil; pause = min(2*pause, seedMaxPause) {
			failed := n.seekOnce(ctx, id)
			if time.Since(reported) > seedReport {
				reported = time.Now()
				n.log.Warn("waiting for a majority of the nodes that keep the metadata",
					"no answer from", strings.Join(failed, "; "))
			}
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}

// seekOnce asks the seeds, and the nodes that they know: these may know this one's new address only from
// itself.
func (n *Node) seekOnce(ctx context.Context, id cluster.Identity) (failed []string) {
	asked := map[string]bool{n.certificates.scheme() + n.address: true}
	ask := func(base string) (hello cluster.Hello) {
		base = strings.TrimSuffix(base, "/")
		if asked[base] || ctx.Err() != nil {
			return hello
		}
		asked[base] = true
		hello, err := n.askHello(ctx, id, base)
		switch {
		case err != nil:
			failed = append(failed, fmt.Sprintf("%s (%v)", base, err))
		case hello.Provisioned && hello.Cluster == id.Cluster && hello.Fingerprint == id.Fingerprint:
			if n.directory.Found(hello.Node, hello.Address) {
				n.log.Info("another node has moved", "other", hello.Node.String(), "address", hello.Address)
			}
			return hello
		}
		return cluster.Hello{}
	}
	var others []string
	for _, seed := range n.cfg.MetadataClient.Addresses {
		for _, address := range ask(seed).Others {
			others = append(others, n.certificates.scheme()+address)
		}
	}
	for _, base := range others {
		ask(base)
	}
	return failed
}

// ask sends one request to a node's port for other nodes.
func (n *Node) ask(ctx context.Context, method, base, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, seedTimeout)
	defer cancel()
	var payload io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(base, "/")+"/"+path, payload)
	if err != nil {
		return err
	}
	resp, err := n.certificates.http().Do(req)
	var unknown *tls.CertificateVerificationError
	if errors.As(err, &unknown) {
		return &cluster.RefusedError{Reason: err.Error() + ": check that the certificates of both nodes come " +
			"from one authority and name their hosts"}
	}
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxJoinBytes))
	switch {
	case err != nil:
		return err
	case resp.StatusCode == http.StatusConflict:
		return &cluster.RefusedError{Reason: strings.TrimSpace(string(b))}
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("it answered %s: %s", resp.Status, strings.TrimSpace(string(b)))
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("read its answer: %w", err)
	}
	return nil
}
