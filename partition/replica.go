package partition

import (
	"context"
	"fmt"
	"os"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/protocol"
)

// Open starts this node's replica of a partition, unless it runs. Open, Shut and Remove of one
// partition must not run at the same time.
func (h *Host) Open(ctx context.Context, p protocol.PartitionID) error {
	if int(p) >= len(h.replicas) {
		return fmt.Errorf("open partition %d: there are %d", p, len(h.replicas))
	}
	if h.IsOpen(p) {
		return nil
	}
	return h.start(ctx, h.replicas[p])
}

// IsOpen tells whether the replica of p on this node runs.
func (h *Host) IsOpen(p protocol.PartitionID) bool {
	return int(p) < len(h.replicas) && h.replicas[p].started() != nil
}

// Shut stops this node's replica of a partition, if it runs. What it holds stays.
func (h *Host) Shut(p protocol.PartitionID) error {
	r := h.replicas[p]
	r.mu.Lock()
	started, l := r.log != nil, r.leader
	r.log, r.leader, r.hinted = nil, nil, false
	r.mu.Unlock()
	if l != nil {
		l.Close()
	}
	if !started {
		return nil
	}
	if err := h.cfg.Logs.Stop(bifrost.PartitionLog(uint16(p))); err != nil {
		return fmt.Errorf("shut partition %d: %w", p, err)
	}
	return nil
}

// Remove deletes what this node holds of a partition that was shut and lives elsewhere.
func (h *Host) Remove(p protocol.PartitionID) error {
	if h.IsOpen(p) {
		return fmt.Errorf("remove partition %d: it is open, shut it first", p)
	}
	if err := os.RemoveAll(h.folder(p)); err != nil {
		return fmt.Errorf("remove partition %d: %w", p, err)
	}
	return nil
}

// started is the replica's log; nil while it does not run.
func (r *replica) started() bifrost.Log {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log
}
