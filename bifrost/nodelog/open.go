package nodelog

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

const fileSuffix = ".wal"

func fileName(number uint64) string { return fmt.Sprintf("%08d%s", number, fileSuffix) }

// fileNumber reports false for a name that is not a segment's.
func fileNumber(name string) (uint64, bool) {
	n, err := strconv.ParseUint(strings.TrimSuffix(name, fileSuffix), 10, 64)
	return n, err == nil && name == fileName(n)
}

// ErrCorrupt means that the files do not hold what was written to them.
var ErrCorrupt = errors.New("the node's log is damaged")

// corrupt says where, and what to do.
func corrupt(name string, offset int64, format string, args ...any) error {
	return fmt.Errorf("%w: %s at byte %d: %s; it was whole once, so the disk or somebody has changed "+
		"it: restore the log directory from a backup, or empty this node's data directory and let the "+
		"node join anew under another number", ErrCorrupt, name, offset, fmt.Sprintf(format, args...))
}

// Open opens the log in a directory, which may be empty. What is there is only read, until something
// is saved.
func Open(cfg Config) (*Log, error) {
	cfg = cfg.withDefaults()
	l := &Log{
		cfg: cfg, index: newIndex(cfg.CacheBytes),
		wake: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{}),
	}
	l.landed.L = &l.mu
	if err := l.recover(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the node's log in %s: %w", cfg.Dir, err), l.closeFiles())
	}
	if !cfg.manual {
		// The first segment should be as fast as all others. If there is no space, it grows.
		if err := l.prepare(0); err != nil && !noSpace(err) {
			return nil, errors.Join(fmt.Errorf("open the node's log in %s: %w", cfg.Dir, err), l.closeFiles())
		}
		go l.work()
	} else {
		close(l.done)
	}
	return l, nil
}

// found is a file of the directory during a start.
type found struct {
	segmentHeader
	whole bool // the header is
	name  string
	file  File
	data  []byte // read when it is needed
}

// read takes the content into memory, into buf if it fits.
func (f *found) read(buf []byte) error {
	if f.data != nil {
		return nil
	}
	size, err := f.file.Size()
	if err != nil {
		return fmt.Errorf("read %s: %w", f.name, err)
	}
	if size > int64(cap(buf)) {
		buf = make([]byte, size)
	}
	f.data = buf[:size]
	if _, err := f.file.ReadAt(f.data, 0); err != nil && size > 0 {
		return fmt.Errorf("read %s: %w", f.name, err)
	}
	return nil
}

// recover builds the index from the files and gets ready to go on in a new segment.
func (l *Log) recover() error {
	files, err := l.list()
	live, rest := []*found(nil), files
	if err == nil {
		live, rest, err = choose(files)
	}
	for _, f := range rest { // so that they are closed in the end, also after an error
		size, sizeErr := f.file.Size()
		l.spares = append(l.spares, &spare{name: f.name, file: f.file,
			ready: sizeErr == nil && size == l.cfg.SegmentBytes, remove: size > l.cfg.SegmentBytes})
	}
	for _, f := range live {
		l.segments = append(l.segments, &segment{segmentHeader: f.segmentHeader, name: f.name, file: f.file})
	}
	if err != nil {
		return err
	}
	var buf []byte // one for all: the log may be large
	for i, f := range live {
		if err := f.read(buf); err != nil {
			return err
		}
		end, err := l.replay(f, i, live)
		if err != nil {
			return err
		}
		l.segments[i].end, l.segments[i].synced = end, end
		buf, f.data = f.data, nil
	}
	if err := l.complete(); err != nil {
		return err
	}
	if n := len(live); n > 0 {
		// A process that was killed leaves writes that the disk may not have. From here on they count.
		if err := live[n-1].file.Sync(); err != nil {
			return fmt.Errorf("sync %s: %w", live[n-1].name, err)
		}
		l.oldest = max(l.oldest, l.segments[0].sequence)
	}
	l.extend()
	return nil
}

// list opens all files and reads their headers.
func (l *Log) list() ([]*found, error) {
	names, err := l.cfg.fs.List()
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var files []*found
	for _, name := range names {
		n, ok := fileNumber(name)
		if !ok {
			return files, fmt.Errorf("%s does not belong here: remove it", path.Join(l.cfg.Dir, name))
		}
		l.files = max(l.files, n)
		file, err := l.cfg.fs.Open(name)
		if err != nil {
			return files, err
		}
		f := &found{name: name, file: file}
		files = append(files, f)
		head := make([]byte, headerBytes)
		read, err := file.ReadAt(head, 0)
		if err != nil && read == 0 {
			if size, sizeErr := file.Size(); sizeErr != nil || size > 0 {
				return files, fmt.Errorf("read %s: %w", name, err)
			}
		}
		if f.segmentHeader, f.whole, err = decodeHeader(head[:read]); err != nil {
			return files, fmt.Errorf("%s: %w", name, err)
		}
	}
	return files, nil
}

// choose finds the segments that make up the log, oldest first, and the files that may be used again.
func choose(files []*found) (live, rest []*found, err error) {
	byNewest := slices.Clone(files)
	slices.SortStableFunc(byNewest, func(a, b *found) int { return cmp.Compare(b.sequence, a.sequence) })
	var newest *found
	for _, f := range byNewest {
		if !f.whole {
			continue
		}
		if newest != nil && f.sequence < newest.sequence {
			break
		}
		begun, err := f.begun()
		switch {
		case err != nil:
			return nil, files, err
		case begun && newest != nil:
			return nil, files, corrupt(f.name, 0, "it is segment %d, and so is %s", f.sequence, newest.name)
		case begun:
			newest = f
		}
	}
	sequence := uint64(0)
	if newest != nil {
		sequence = newest.sequence
	}
	for _, f := range files {
		if !f.whole {
			if err := f.mustBeUnused(sequence); err != nil {
				return nil, files, err
			}
		}
	}
	if newest == nil {
		return nil, files, nil
	}
	return chain(files, newest)
}

// begun tells whether the first group of a segment was written. When a crash cut that off, the
// segment counts for nothing.
func (f *found) begun() (bool, error) {
	if err := f.read(nil); err != nil {
		return false, err
	}
	if _, _, ok := f.frame(headerBytes, 0); ok {
		return true, nil
	}
	if at := f.later(headerBytes, 0); at > 0 {
		return false, corrupt(f.name, headerBytes, "the first frame is damaged, there is a whole one at %d", at)
	}
	return false, nil
}

// frame returns the records of the frame at an offset and where the next one begins.
func (f *found) frame(offset int64, ordinal uint32) (records []byte, next int64, ok bool) {
	if offset >= int64(len(f.data)) {
		return nil, 0, false
	}
	h, records, ok := decodeFrame(f.data[offset:])
	if !ok || h.epoch != f.epoch || h.sequence != f.sequence || h.ordinal != ordinal {
		return nil, 0, false
	}
	return records, offset + frameBytes(len(records)), true
}

// later looks behind an offset for a whole frame of this segment with a higher number than ordinal:
// one that was written after what stands at the offset had been synced. It returns 0 if there is none.
func (f *found) later(offset int64, ordinal uint32) int64 {
	for at := offset; at+frameHeaderBytes <= int64(len(f.data)); at += frameAlign {
		h, _, ok := peekFrame(f.data[at:])
		if !ok || h.epoch != f.epoch || h.sequence != f.sequence || h.ordinal <= ordinal {
			continue
		}
		if _, _, ok := decodeFrame(f.data[at:]); ok {
			return at
		}
	}
	return 0
}

// mustBeUnused looks, in a file without a whole header, for the traces of a segment that followed
// the newest one and was synced more than once: its header was whole then.
func (f *found) mustBeUnused(newest uint64) error {
	if err := f.read(nil); err != nil {
		return err
	}
	defer func() { f.data = nil }()
	for at := int64(0); at+frameHeaderBytes <= int64(len(f.data)); at += frameAlign {
		h, _, ok := peekFrame(f.data[at:])
		if !ok || h.sequence != newest+1 || h.ordinal == 0 {
			continue
		}
		if _, _, ok := decodeFrame(f.data[at:]); ok {
			return corrupt(f.name, 0, "the header is damaged, there is a frame of segment %d at %d",
				h.sequence, at)
		}
	}
	return nil
}

// chain collects the segments from the oldest needed one to the newest.
func chain(files []*found, newest *found) (live, rest []*found, err error) {
	oldest, err := newest.oldestNeeded()
	if err != nil {
		return nil, files, err
	}
	live = []*found{newest}
	for f := newest; f.sequence > oldest; {
		i := slices.IndexFunc(files, func(o *found) bool {
			return o.whole && o.sequence == f.sequence-1 && o.epoch == f.prevEpoch
		})
		if i < 0 {
			return nil, files, corrupt(f.name, 0, "it needs the segments from %d on, and no file holds "+
				"segment %d", oldest, f.sequence-1)
		}
		f = files[i]
		live = append(live, f)
	}
	slices.Reverse(live)
	for _, f := range files {
		if !slices.Contains(live, f) {
			f.data = nil
			rest = append(rest, f)
		}
	}
	return live, rest, nil
}

// oldestNeeded is the oldest segment that the newest one says is needed.
func (f *found) oldestNeeded() (uint64, error) {
	oldest := f.oldest
	ordinal := uint32(0)
	for at := int64(headerBytes); ; ordinal++ {
		records, next, ok := f.frame(at, ordinal)
		if !ok {
			break
		}
		for r := (&reader{b: records}); r.more(); {
			rec, err := r.next()
			if err != nil {
				return 0, corrupt(f.name, at, "%v", err)
			}
			if rec.kind == kindOldest {
				oldest = max(oldest, rec.index)
			}
		}
		at = next
	}
	if oldest == 0 || oldest > f.sequence {
		return 0, corrupt(f.name, 0, "segment %d says that segment %d is the oldest", f.sequence, oldest)
	}
	return oldest, nil
}

// replay applies the frames of live[i] to the index and returns where they end.
func (l *Log) replay(f *found, i int, live []*found) (end int64, err error) {
	at := int64(headerBytes)
	ordinal := uint32(0)
	for ; ; ordinal++ {
		records, next, ok := f.frame(at, ordinal)
		if !ok {
			break
		}
		if err := l.apply(f, at, records, i == 0 && ordinal == 0, ordinal == 0); err != nil {
			return 0, err
		}
		at = next
	}
	if i == len(live)-1 {
		if found := f.later(at, ordinal); found > 0 {
			return 0, corrupt(f.name, at, "a frame is damaged, there is a whole one behind it at %d", found)
		}
		return at, nil
	}
	if next := live[i+1]; uint64(at) != next.prevEnd {
		return 0, corrupt(f.name, at, "a frame is damaged: the next segment knows them to end at %d",
			next.prevEnd)
	}
	return at, nil
}

// complete checks that every entry was found somewhere.
func (l *Log) complete() error {
	for _, r := range l.index.sorted() {
		for i, s := range r.slots {
			if s.segment == 0 {
				return corrupt(l.segments[0].name, 0, "entry %d of replica %d of log %d is in none of the "+
					"segments from %d on", r.first+uint64(i), r.id, r.shard, l.segments[0].sequence)
			}
		}
	}
	return nil
}
