package bifrost

import (
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// spaceEvery is how long a look at the disk counts.
	spaceEvery = 250 * time.Millisecond
	// minTrimBytes must be free for a trim: the library notes it in files, and a failure to write them
	// would end the process.
	minTrimBytes = 8 << 20
)

// ErrDiskFull means that the disk of the logs has too little free space. It is a kind of ErrBusy: it
// passes as soon as there is space again.
var ErrDiskFull = fmt.Errorf("the disk of the data directory is nearly full, free some space or give "+
	"it more: %w", ErrBusy)

// SpaceLevel says what the free space allows.
type SpaceLevel int32

// Levels of space.
const (
	SpaceOK   SpaceLevel = 0
	SpaceLow  SpaceLevel = 1 // Admit refuses new work
	SpaceFull SpaceLevel = 2 // every append is refused; those accepted before end
)

// String names the level.
func (l SpaceLevel) String() string { return [...]string{"ok", "low", "full"}[l] }

// SpaceInfo describes a change of level.
type SpaceInfo struct {
	Level                 SpaceLevel
	FreeBytes, TotalBytes int64
}

// space watches the disk. Whoever asks for a level that has become old looks again: an idle node
// looks never.
type space struct {
	low, full int64 // bytes; below them the level is reached
	stat      func() (free, total int64, err error)
	onChange  func(SpaceInfo)
	looked    atomic.Int64 // time of the last look
	level     atomic.Int32
	free      atomic.Int64
	stuck     atomic.Bool // a write found no space
}

// newSpace watches the disk of dir. Without a limit of its own, low is 5 % of it, at most 512 MiB.
func newSpace(dir string, low int64, onChange func(SpaceInfo)) *space {
	s := &space{low: low, onChange: onChange, stat: func() (int64, int64, error) {
		var fs unix.Statfs_t
		if err := unix.Statfs(dir, &fs); err != nil {
			return 0, 0, err
		}
		return int64(fs.Bavail) * int64(fs.Bsize), int64(fs.Blocks) * int64(fs.Bsize), nil
	}}
	if _, total, err := s.stat(); err == nil && low == 0 {
		s.low = min(total/20, 512<<20)
	}
	s.full = s.low / 2
	return s
}

// now returns the level.
func (s *space) now() SpaceLevel {
	now, last := time.Now().UnixNano(), s.looked.Load()
	if now-last < int64(spaceEvery) && now >= last || !s.looked.CompareAndSwap(last, now) {
		return SpaceLevel(s.level.Load())
	}
	return s.look()
}

// look asks the disk. A level is left only when there is a quarter more space than it takes.
func (s *space) look() SpaceLevel {
	free, total, err := s.stat()
	if err != nil {
		return SpaceLevel(s.level.Load()) // nothing is known: no reason to refuse
	}
	s.free.Store(free)
	old := SpaceLevel(s.level.Load())
	level := SpaceOK
	for _, l := range []struct {
		level SpaceLevel
		limit int64
	}{{SpaceLow, s.low}, {SpaceFull, s.full}} {
		limit := l.limit
		if old >= l.level {
			limit += limit / 4
		}
		if free < limit {
			level = l.level
		}
	}
	if s.stuck.Load() {
		level = SpaceFull
	}
	s.set(old, level, free, total)
	return level
}

func (s *space) set(old, level SpaceLevel, free, total int64) {
	if level != old && s.level.CompareAndSwap(int32(old), int32(level)) && s.onChange != nil {
		s.onChange(SpaceInfo{Level: level, FreeBytes: free, TotalBytes: total})
	}
}

// setStuck notes whether a write waits for space.
func (s *space) setStuck(stuck bool) {
	s.stuck.Store(stuck)
	s.look()
}

// refuse returns an error at a level or above it.
func (s *space) refuse(at SpaceLevel) error {
	if s.now() < at {
		return nil
	}
	return fmt.Errorf("%d MiB are free: %w", s.free.Load()>>20, ErrDiskFull)
}

// Admit says whether the node should take new work: work that was taken before may need space to
// end. The error is ErrDiskFull.
func (h *RaftHost) Admit() error { return h.space.refuse(SpaceLow) }
