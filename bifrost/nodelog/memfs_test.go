package nodelog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

var errInjected = errors.New("injected")

// memFS is a directory in memory that knows what a crash leaves of it: what was synced, and of what
// was not, as much as the test wants.
type memFS struct {
	mu     sync.Mutex
	files  map[string]*memFile // guarded by mu, as all below
	synced map[string]bool     // names that are there after a crash
	writes int
	syncs  int
	space  int64 // bytes that files may still grow by; <0: no limit
	// before is asked before each change; an error is what the change returns.
	before func(op, name string) error
}

func newMemFS() *memFS {
	return &memFS{files: map[string]*memFile{}, synced: map[string]bool{}, space: -1}
}

type memFile struct {
	fs     *memFS
	name   string
	data   []byte   // as the process sees it
	stable []byte   // as it was at the last sync
	loose  []change // since then, in order
	broken bool     // a sync failed
}

type change struct {
	at   int64
	data []byte
}

func (m *memFS) ask(op, name string) error {
	if m.before == nil {
		return nil
	}
	return m.before(op, name)
}

func (m *memFS) List() ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for name := range m.files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

func (m *memFS) Open(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.files[name]
	if f == nil {
		return nil, fs.ErrNotExist
	}
	return f, m.ask("open", name)
}

func (m *memFS) Create(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files[name] != nil {
		return nil, fs.ErrExist
	}
	if err := m.ask("create", name); err != nil {
		return nil, err
	}
	if m.space == 0 {
		return nil, unix.ENOSPC
	}
	f := &memFile{fs: m, name: name}
	m.files[name] = f
	return f, nil
}

func (m *memFS) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.ask("remove", name); err != nil {
		return err
	}
	if f := m.files[name]; f != nil && m.space >= 0 {
		m.space += int64(len(f.data))
	}
	delete(m.files, name)
	return nil
}

func (m *memFS) SyncDir() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.ask("syncdir", ""); err != nil {
		return err
	}
	m.syncs++
	clear(m.synced)
	for name := range m.files {
		m.synced[name] = true
	}
	return nil
}

func (f *memFile) ReadAt(b []byte, at int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if at >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.data[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(b []byte, at int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.ask("write", f.name); err != nil {
		return 0, err
	}
	if grow := at + int64(len(b)) - int64(len(f.data)); grow > 0 && f.fs.space >= 0 {
		if grow > f.fs.space {
			return 0, fmt.Errorf("write %s: %w", f.name, unix.ENOSPC)
		}
		f.fs.space -= grow
	}
	f.fs.writes++
	f.loose = append(f.loose, change{at, slices.Clone(b)})
	f.data = overlay(f.data, at, b)
	return len(b), nil
}

func overlay(data []byte, at int64, b []byte) []byte {
	if missing := at + int64(len(b)) - int64(len(data)); missing > 0 {
		data = append(data, make([]byte, missing)...)
	}
	copy(data[at:], b)
	return data
}

func (f *memFile) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.broken {
		return nil // as a kernel does: the next sync succeeds and the data is gone
	}
	if err := f.fs.ask("sync", f.name); err != nil {
		f.broken = true
		return err
	}
	f.fs.syncs++
	f.stable = slices.Clone(f.data)
	f.loose = nil
	return nil
}

func (f *memFile) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.data)), nil
}

func (f *memFile) Close() error { return nil }

// crash returns what a power cut would leave: files whose names were synced, what was synced in
// them, and of each later write what keep leaves of it.
func (m *memFS) crash(keep func(b []byte) []byte) *memFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	left := newMemFS()
	for name, f := range m.files {
		if !m.synced[name] {
			continue
		}
		data := slices.Clone(f.stable)
		for _, c := range f.loose {
			if b := keep(c.data); len(b) > 0 {
				data = overlay(data, c.at, b)
			}
		}
		left.files[name] = &memFile{fs: left, name: name, data: data, stable: slices.Clone(data)}
		left.synced[name] = true
	}
	return left
}

func keepNothing([]byte) []byte { return nil }
func keepAll(b []byte) []byte   { return b }
func keepFirst(n int) func([]byte) []byte {
	return func(b []byte) []byte { return b[:min(n, len(b))] }
}

// clone copies the directory as the process sees it, all of it synced.
func (m *memFS) clone() *memFS {
	m.mu.Lock()
	for name := range m.files {
		m.synced[name] = true
	}
	m.mu.Unlock()
	return m.crash(keepAll)
}
