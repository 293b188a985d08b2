package bifrost

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/raftio"

	"github.com/perdure/perdure/bifrost/nodelog"
)

// storeDir holds the segments of the node's log, in the directory that the library keeps its files in.
const storeDir = "segments"

// storeFactory gives the library the node's log to keep entries in.
type storeFactory struct{ host *RaftHost }

var _ config.LogDBFactory = storeFactory{}

func (storeFactory) Name() string { return nodelog.Name }

func (f storeFactory) Create(_ config.NodeHostConfig, _ config.LogDBCallback, dirs, _ []string) (
	raftio.ILogDB, error,
) {
	h := f.host
	dir := filepath.Join(dirs[0], storeDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of the node's log: %w", err)
	}
	if err := syncDir(dirs[0]); err != nil {
		return nil, fmt.Errorf("sync the directory of the node's log: %w", err)
	}
	log, err := nodelog.Open(nodelog.Config{
		Dir: dir, Logger: h.logger,
		Events: nodelog.Events{
			Synced: h.cfg.Events.Synced,
			Full: func(err error) {
				if !h.space.stuck.Load() {
					h.logger.Error("the disk is full, the logs wait for space", "error", err)
				}
				h.space.setStuck(true)
			},
			Freed: func() {
				h.logger.Info("there is space again, the logs go on")
				h.space.setStuck(false)
			},
		},
	})
	if err != nil {
		return nil, err
	}
	return log, nil
}
