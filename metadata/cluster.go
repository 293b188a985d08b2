package metadata

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/protocol"
)

// ClusterKey is the key of the cluster's identity.
const ClusterKey = "cluster"

const clusterFormat = 1

// Cluster is what all nodes of a cluster must agree on. It is stored once and for all.
type Cluster struct {
	Name       string
	Partitions int // number of partitions, 1 to protocol.MaxPartitions
	CreatedAt  time.Time
	Features   []string // behaviours that were on when the cluster was made
}

type wireCluster struct {
	Format     int       `json:"format"`
	Name       string    `json:"name"`
	Partitions int       `json:"partitions"`
	CreatedAt  time.Time `json:"created_at"`
	Features   []string  `json:"features,omitempty"`
}

// EnsureCluster stores want as the cluster's identity unless there is one, and returns the stored
// one, whose number of partitions and features win. A stored identity with another name is an
// error: the node was pointed at the wrong data.
func (s *Store) EnsureCluster(ctx context.Context, want Cluster) (Cluster, error) {
	if want.Name == "" || want.Partitions < 1 || want.Partitions > protocol.MaxPartitions {
		return Cluster{}, fmt.Errorf("create cluster %q: %d partitions; allowed are 1 to %d, and a name",
			want.Name, want.Partitions, protocol.MaxPartitions)
	}
	for {
		have, ok, err := s.Cluster()
		switch {
		case err != nil:
			return Cluster{}, err
		case ok && have.Name != want.Name:
			return Cluster{}, fmt.Errorf("the data belongs to cluster %q, the configuration says %q: "+
				"correct cluster-name or base-dir", have.Name, want.Name)
		case ok:
			return have, nil
		}
		b, err := json.Marshal(wireCluster{
			clusterFormat, want.Name, want.Partitions, want.CreatedAt.UTC(), want.Features})
		if err != nil {
			return Cluster{}, fmt.Errorf("encode the cluster's identity: %w", err)
		}
		if err := s.CompareAndSwap(ctx, ClusterKey, 0, b); err != nil && !errors.Is(err, ErrConflict) {
			return Cluster{}, fmt.Errorf("store the cluster's identity: %w", err)
		}
	}
}

// Cluster returns the cluster's identity; ok is false before EnsureCluster.
func (s *Store) Cluster() (c Cluster, ok bool, err error) {
	b, _, ok := s.Get(ClusterKey)
	if !ok {
		return Cluster{}, false, nil
	}
	var w wireCluster
	if err := json.Unmarshal(b, &w); err != nil {
		return Cluster{}, false, fmt.Errorf("decode the cluster's identity: %w", err)
	}
	if w.Format != clusterFormat {
		return Cluster{}, false, fmt.Errorf("decode the cluster's identity: its form is %d, this "+
			"release reads %d: run a newer release", w.Format, clusterFormat)
	}
	return Cluster{w.Name, w.Partitions, w.CreatedAt, w.Features}, true, nil
}
