package bifrost

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	identityFile = "identity.json"
	lockFile     = "bifrost.lock"
	libraryFile  = "dragonboat.ds" // the library's own notes about host name and address
	// Format 1 kept entries in the library's own store; no release wrote it.
	identityFormat = 2
)

// identity says whose logs a directory holds. It is written before the first log and compared on
// every start; docs/format/raft-directory.md describes it.
type identity struct {
	Format  int    `json:"format"`
	Cluster uint64 `json:"cluster"`
	Replica uint64 `json:"replica"`
	Address string `json:"address"`
	// ExecShards decides how the library lays out its log; it can never change.
	ExecShards uint64 `json:"exec_shards"`
	// Origin is reserved for logs restored into fresh Raft groups; see positions.
	Origin uint64 `json:"origin"`
	// HostName names the directory the library keeps its files in.
	HostName string `json:"host_name"`
}

// lockDir makes sure that no other host, in this process or another, uses dir. Closing the file
// gives the lock back.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock log directory %s: %w", dir, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock log directory %s: another server is using it, stop it first: %w",
			dir, err)
	}
	return f, nil
}

// claimDir checks that dir belongs to want, writing want there when dir is new, and makes what the
// library noted about the host name fit this host. The directory is locked.
func claimDir(dir string, want identity) error {
	path := filepath.Join(dir, identityFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := mustBeFresh(dir); err != nil {
			return err
		}
		return writeIdentity(path, want)
	}
	if err != nil {
		return fmt.Errorf("read the identity of log directory %s: %w", dir, err)
	}
	var have identity
	if err := json.Unmarshal(data, &have); err != nil {
		return fmt.Errorf("read %s: it is damaged, restore it from a backup: %w", path, err)
	}
	if have.Format == 1 {
		return fmt.Errorf("open log directory %s: it has format 1, which only builds from before the "+
			"first release wrote and none can convert: begin with an empty data directory", dir)
	}
	if have.Format != identityFormat || have.ExecShards != want.ExecShards ||
		have.Origin != want.Origin {
		return fmt.Errorf("open log directory %s: it has format %d (exec shards %d, origin %d), this "+
			"release reads format %d (%d, %d): run the release that wrote it", dir, have.Format,
			have.ExecShards, have.Origin, identityFormat, want.ExecShards, want.Origin)
	}
	if have.Cluster != want.Cluster || have.Replica != want.Replica || have.Address != want.Address {
		return fmt.Errorf("open log directory %s: it belongs to replica %d at %q of cluster %d, this is "+
			"replica %d at %q of cluster %d: give each node its own directory, or set the address back",
			dir, have.Replica, have.Address, have.Cluster, want.Replica, want.Address, want.Cluster)
	}
	if have.HostName == want.HostName {
		return nil
	}
	if err := moveHost(dir, have.HostName, want.HostName); err != nil {
		return fmt.Errorf("move the logs of host %q to host %q: %w", have.HostName, want.HostName, err)
	}
	return writeIdentity(path, want)
}

// mustBeFresh refuses a directory that holds anything but our lock: logs without an identity are
// not ours to guess about.
func mustBeFresh(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("list log directory %s: %w", dir, err)
	}
	for _, e := range entries {
		if name := e.Name(); name != lockFile && name != identityFile+".tmp" {
			return fmt.Errorf("open log directory %s: it holds %q but no %s: it was not written by "+
				"this server, choose an empty directory", dir, name, identityFile)
		}
	}
	return nil
}

// moveHost renames the library's directory and removes its notes, which it writes anew. It may be
// cut off at any point and called again.
func moveHost(dir, from, to string) error {
	source, target := filepath.Join(dir, from), filepath.Join(dir, to)
	err := os.Rename(source, target)
	if err != nil {
		_, missing := os.Stat(target)
		if missing != nil || !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	notes, err := filepath.Glob(filepath.Join(target, "*", libraryFile))
	if err != nil {
		return err
	}
	for _, name := range notes {
		if err := os.Remove(name); err != nil {
			return err
		}
		if err := syncDir(filepath.Dir(name)); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

// writeIdentity replaces the identity file durably.
func writeIdentity(path string, id identity) error {
	data, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := writeDurably(path, append(data, '\n')); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func writeDurably(path string, data []byte) error {
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
