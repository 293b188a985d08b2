package store

import "github.com/cockroachdb/pebble/v2"

// SharedConfig sizes what all stores of a node share.
type SharedConfig struct {
	// BlockCacheBytes is the memory for blocks read from disk. Default 64 MiB.
	BlockCacheBytes int64
	// OpenFiles is how many table files stay open. Default 1000.
	OpenFiles int
}

// Shared is what all stores of a node share: the block cache and the cache of open files. It must
// outlive them.
type Shared struct {
	blocks *pebble.Cache
	files  *pebble.FileCache
}

const (
	defaultBlockCacheBytes = 64 << 20
	defaultOpenFiles       = 1000
	fileCacheShards        = 4
)

// NewShared makes the caches.
func NewShared(cfg SharedConfig) *Shared {
	if cfg.BlockCacheBytes <= 0 {
		cfg.BlockCacheBytes = defaultBlockCacheBytes
	}
	if cfg.OpenFiles <= 0 {
		cfg.OpenFiles = defaultOpenFiles
	}
	return &Shared{
		blocks: pebble.NewCache(cfg.BlockCacheBytes),
		files:  pebble.NewFileCache(fileCacheShards, cfg.OpenFiles),
	}
}

// Close releases the caches, after the last store was closed.
func (s *Shared) Close() {
	s.files.Unref()
	s.blocks.Unref()
}
