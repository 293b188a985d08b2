package node

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const lockFile = "node.lock"

// lockDir makes sure that no other process uses the node's data directory, before anything in it is
// read or written. Closing the file gives the lock back.
func (n *Node) lockDir() error {
	path := filepath.Join(n.cfg.NodeDir(), lockFile)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock the data directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return fmt.Errorf("lock the data directory %s: another server is using it: stop it first, or give "+
			"each node its own base-dir or node-name: %w", n.cfg.NodeDir(), err)
	}
	n.lock = f
	return nil
}
