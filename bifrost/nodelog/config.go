package nodelog

import (
	"log/slog"
	"math/rand/v2"
	"time"
)

// Config says how a log is kept. Dir is required.
type Config struct {
	// Dir holds the segment files and nothing else. It must be there.
	Dir string
	// SegmentBytes is the size of a segment file. A group of updates larger than that gets a larger
	// file. Default 16 MiB.
	SegmentBytes int64
	// CacheBytes bounds the entries kept in memory. Default 8 MiB.
	CacheBytes int64
	// Events are optional.
	Events Events
	// Logger receives what goes wrong in the background. Default: discard.
	Logger *slog.Logger

	fs         FS            // default: the directory of the operating system
	retryEvery time.Duration // how often a write is tried while the disk is full
	newEpoch   func() uint64 // default: at random
	largeBytes int64         // size of groups from which on no file is filled for them; default 128 KiB
	manual     bool          // no goroutine in the background: tests call tidy themselves
}

// Events are optional callbacks. They must be quick and must not call back into the log.
type Events struct {
	// Synced: a group was written and synced.
	Synced func(SyncInfo)
	// Full: a write waits because the disk is full. It is called at each try.
	Full func(error)
	// Freed: what waited for space goes on.
	Freed func()
}

// SyncInfo describes one group: how many callers waited for it, how many bytes it has in the file,
// and how long write and sync took.
type SyncInfo struct {
	Waited int
	Bytes  int64
	Took   time.Duration
}

func (c Config) withDefaults() Config {
	if c.SegmentBytes == 0 {
		c.SegmentBytes = 16 << 20
	}
	if c.CacheBytes == 0 {
		c.CacheBytes = 8 << 20
	}
	if c.largeBytes == 0 {
		c.largeBytes = 128 << 10
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.fs == nil {
		c.fs = osFS{c.Dir}
	}
	if c.newEpoch == nil {
		c.newEpoch = rand.Uint64
	}
	if c.retryEvery == 0 {
		c.retryEvery = 100 * time.Millisecond
	}
	return c
}
