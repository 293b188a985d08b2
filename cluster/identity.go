package cluster

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	identityFile   = "node.json"
	identityFormat = 1
)

// Identity says which node of which cluster a data directory belongs to. docs/format/node.md
// describes the file.
type Identity struct {
	Format  int    `json:"format"`
	Cluster string `json:"cluster"`
	// Fingerprint tells clusters of one name apart; it was made with the cluster.
	Fingerprint string `json:"fingerprint"`
	Node        NodeID `json:"node"`
	Name        string `json:"name"`
	// Instance tells data directories apart; it was made with this one.
	Instance string `json:"instance"`
	// Generation counts the starts.
	Generation uint64 `json:"generation"`
	// Addresses are where the other nodes were when this one last looked.
	Addresses map[NodeID]string `json:"addresses,omitempty"`
}

// String names the cluster with its fingerprint, as nodes compare it.
func (id Identity) String() string { return id.Cluster + "/" + id.Fingerprint }

// NewToken makes a fingerprint or an instance.
func NewToken() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// LoadIdentity reads the identity of a data directory; ok is false for one that has none yet.
func LoadIdentity(dir string) (id Identity, ok bool, err error) {
	path := filepath.Join(dir, identityFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return id, false, nil
	}
	if err != nil {
		return id, false, fmt.Errorf("read the node's identity: %w", err)
	}
	if err := json.Unmarshal(b, &id); err != nil || id.Node == 0 || id.Instance == "" {
		return id, false, fmt.Errorf("read the node's identity: %s is damaged (%v): restore it from a "+
			"backup, or have the node removed from the cluster and empty its directory", path, err)
	}
	if id.Format != identityFormat {
		return id, false, fmt.Errorf("read the node's identity: %s has form %d, this release reads %d: "+
			"run a newer release", path, id.Format, identityFormat)
	}
	return id, true, nil
}

// Check refuses a directory that belongs to another node or cluster.
func (id Identity) Check(dir, cluster, name string) error {
	if id.Cluster != cluster {
		return fmt.Errorf("the data in %s belongs to cluster %q, the configuration says %q: correct "+
			"cluster-name or base-dir", dir, id.Cluster, cluster)
	}
	if id.Name != name {
		return fmt.Errorf("the data in %s belongs to node %q, the configuration says %q: correct "+
			"node-name or base-dir", dir, id.Name, name)
	}
	return nil
}

// Save replaces the identity of a data directory durably.
func (id Identity) Save(dir string) error {
	id.Format = identityFormat
	b, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return fmt.Errorf("write the node's identity: %w", err)
	}
	if err := replaceFile(filepath.Join(dir, identityFile), append(b, '\n')); err != nil {
		return fmt.Errorf("write the node's identity: %w", err)
	}
	return nil
}

func replaceFile(path string, b []byte) error {
	f, err := os.Create(path + ".new")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
