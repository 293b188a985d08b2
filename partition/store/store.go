package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/perdure/perdure/protocol"
)

// Config says where a store is and whose rows it holds.
type Config struct {
	// Dir is the store's own directory; it is made if it does not exist.
	Dir string
	// FS is the file system. Default: the operating system's.
	FS vfs.FS
	// Partition and Keys identify the partition; a directory of another one is refused.
	Partition protocol.PartitionID
	Keys      protocol.KeyRange
	// Shared holds the node's caches. Default: small caches of the store's own.
	Shared *Shared
	// MemTableSizeBytes is how much is kept in memory before it is written to a table file.
	// Default 8 MiB.
	MemTableSizeBytes uint64
	// CachedStatuses is how many decoded status rows are kept. Default 4096; negative is none.
	CachedStatuses int
	// OnError hears of failures in the background (a flush or a compaction that could not be
	// written); they are retried. Default: nobody.
	OnError func(error)
}

const (
	defaultMemTableSizeBytes = 8 << 20
	defaultCachedStatuses    = 4096
	maxMemTables             = 4
	tableBytes               = 64 << 20 // of a table file, with its large values
)

func (c Config) withDefaults() Config {
	if c.FS == nil {
		c.FS = vfs.Default
	}
	if c.MemTableSizeBytes == 0 {
		c.MemTableSizeBytes = defaultMemTableSizeBytes
	}
	if c.CachedStatuses == 0 {
		c.CachedStatuses = defaultCachedStatuses
	}
	if c.OnError == nil {
		c.OnError = func(error) {}
	}
	return c
}

// Store holds the rows of one partition replica. See the package comment for who may call what.
type Store struct {
	identity Identity
	db       *pebble.DB
	fs       vfs.FS
	own      *Shared // closed with the store; nil if the caller brought one

	// Owned by the apply goroutine.
	vars    Vars
	digests *digestRing
	cache   cache
}

// Open opens or makes a store. What a crash tore down half way through a Restore opens empty.
// Errors wrap ErrFormat, ErrIdentity or ErrCorrupt where one fits.
func Open(cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	s := &Store{
		identity: Identity{Partition: cfg.Partition, Keys: cfg.Keys},
		fs:       cfg.FS, digests: &digestRing{}, cache: newCache(cfg.CachedStatuses),
	}
	shared := cfg.Shared
	if shared == nil {
		shared = NewShared(SharedConfig{BlockCacheBytes: 8 << 20, OpenFiles: 100})
		s.own = shared
	}
	db, err := pebble.Open(cfg.Dir, options(cfg, shared))
	if err != nil {
		s.closeShared()
		return nil, failed("open the store of partition %d in %s", err, cfg.Partition, cfg.Dir)
	}
	s.db = db
	if err := s.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the store of partition %d in %s: %w",
			cfg.Partition, cfg.Dir, err), s.Close())
	}
	return s, nil
}

func options(cfg Config, shared *Shared) *pebble.Options {
	o := &pebble.Options{
		FS: cfg.FS, Cache: shared.blocks, FileCache: shared.files,
		DisableWAL:                  true,
		FormatMajorVersion:          pebble.FormatValueSeparation,
		MemTableSize:                cfg.MemTableSizeBytes,
		MemTableStopWritesThreshold: maxMemTables,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       1000,
		// One flush makes one table, whatever it weighs with its large values: each file more is three
		// syncs more.
		TargetFileSizes: [7]int64{tableBytes, tableBytes, tableBytes, tableBytes, tableBytes, tableBytes,
			tableBytes},
		LoggerAndTracer: logger{cfg.OnError},
	}
	o.EventListener = &pebble.EventListener{BackgroundError: cfg.OnError}
	o.Experimental.ValueSeparationPolicy = separateLargeValues
	// The default looks ten times a second, in each store, whether more compactions may run at once
	// than a moment ago: most of what an idle node would do. This one looks whenever a flush or a
	// compaction ends; one that had to wait waits for a compaction that runs, so none is forgotten.
	o.Experimental.CompactionScheduler = pebble.NewConcurrencyLimitSchedulerWithNoPeriodicGrantingForTest()
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return o
}

// separateLargeValues keeps large values out of the tables, in files of their own that compactions
// leave alone: otherwise a value is written again by each of them. Those whose values are mostly
// gone are rewritten.
func separateLargeValues() pebble.ValueSeparationPolicy {
	return pebble.ValueSeparationPolicy{
		Enabled: true, MinimumSize: 2 << 10, MaxBlobReferenceDepth: 64,
		RewriteMinimumAge: 5 * time.Minute, TargetGarbageRatio: 0.3,
	}
}

// load checks or writes the identity and reads the vars.
func (s *Store) load() error {
	identity, ok, err := readIdentity(Reader{s.db})
	switch {
	case err != nil:
		return err
	case !ok:
		if err := s.writeIdentity(false); err != nil {
			return err
		}
	case identity.restoring:
		if err := errors.Join(s.beginRestore(), s.writeIdentity(false)); err != nil {
			return err
		}
	case identity.Identity != s.identity:
		return fmt.Errorf("it holds partition %d with keys %s, not partition %d with keys %s: %w",
			identity.Partition, identity.Keys, s.identity.Partition, s.identity.Keys, ErrIdentity)
	}
	return s.loadVars()
}

func (s *Store) loadVars() (err error) {
	s.cache.clear()
	*s.digests = digestRing{}
	if s.vars, err = s.Reader().Vars(); err != nil {
		return err
	}
	if s.vars.Applied != 0 {
		s.digests.record(s.vars.Applied, s.vars.Digest)
	}
	return nil
}

// Close releases the store. What was not flushed is lost; the log has it.
func (s *Store) Close() error {
	err := s.db.Close()
	s.closeShared()
	if err != nil {
		return failed("close the store of partition %d", err, s.identity.Partition)
	}
	return nil
}

func (s *Store) closeShared() {
	if s.own != nil {
		s.own.Close()
		s.own = nil
	}
}

// Identity says which partition the rows belong to.
func (s *Store) Identity() Identity { return s.identity }

// Applied is the position of the last committed command. Only the goroutine that commits may ask.
func (s *Store) Applied() protocol.LSN { return s.vars.Applied }

// Reader reads the rows as they are at each call.
func (s *Store) Reader() Reader { return Reader{s.db} }

// Snapshot reads the rows as they are now.
func (s *Store) Snapshot() *Snapshot {
	snapshot := s.db.NewSnapshot()
	return &Snapshot{Reader{snapshot}, snapshot}
}

// Flush makes everything committed so far durable and returns when it is.
func (s *Store) Flush() error {
	if err := s.db.Flush(); err != nil {
		return failed("flush the store of partition %d", err, s.identity.Partition)
	}
	return nil
}

// AsyncFlush starts a flush; the channel is closed when it has ended. Ask DurableLSN for how far
// it came.
func (s *Store) AsyncFlush() (<-chan struct{}, error) {
	done, err := s.db.AsyncFlush()
	if err != nil {
		return nil, failed("start a flush of partition %d", err, s.identity.Partition)
	}
	return done, nil
}

// DurableLSN is the position up to which the rows survive a crash. It costs one read.
func (s *Store) DurableLSN() (protocol.LSN, error) {
	it, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: varsKey(), UpperBound: after(varsKey()), OnlyReadGuaranteedDurable: true,
	})
	if err != nil {
		return 0, failed("read the durable position", err)
	}
	defer it.Close()
	if !it.First() {
		return 0, it.Error()
	}
	b, err := it.ValueAndErr()
	if err != nil {
		return 0, failed("read the durable position", err)
	}
	vars, err := decodeVars(b)
	if err != nil {
		return 0, corrupt(it.Key(), "decode vars: %v", err)
	}
	return vars.Applied, nil
}

// SizeBytes is about how much disk the store takes.
func (s *Store) SizeBytes() uint64 { return s.db.Metrics().DiskSpaceUsage() }

// logger passes on what Pebble calls an error and drops the rest.
type logger struct{ onError func(error) }

func (logger) Infof(string, ...any) {}

func (l logger) Errorf(format string, args ...any) { l.onError(fmt.Errorf(format, args...)) }

// Fatalf is called when Pebble can neither go on nor return an error; it must not return.
func (logger) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf("partition store: "+format+": check the disk and restart", args...))
}

func (logger) Eventf(context.Context, string, ...any) {}

func (logger) IsTracingEnabled(context.Context) bool { return false }
