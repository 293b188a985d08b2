package nodelog

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// FS is what the log needs of a file system: one flat directory. Tests put a failing one in its
// place.
type FS interface {
	// List returns the names of all files.
	List() ([]string, error)
	// Open opens a file for reading and writing; Create makes it first and fails if there is one. A
	// file that was created is there after a crash only once SyncDir has returned.
	Open(name string) (File, error)
	Create(name string) (File, error)
	Remove(name string) error
	SyncDir() error
}

// File is an open file. Reads and writes may go on at once.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	// Sync makes what was written durable, and as much metadata as is needed to read it.
	Sync() error
}

// noSpace tells whether a write failed only because the disk, or what the user may have of it, is
// full.
func noSpace(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

// osFS is a directory of the operating system.
type osFS struct{ dir string }

func (d osFS) List() ([]string, error) {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func (d osFS) Open(name string) (File, error) { return d.open(name, os.O_RDWR) }

func (d osFS) Create(name string) (File, error) {
	return d.open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

func (d osFS) open(name string, flag int) (File, error) {
	f, err := os.OpenFile(filepath.Join(d.dir, name), flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (d osFS) Remove(name string) error { return os.Remove(filepath.Join(d.dir, name)) }

func (d osFS) SyncDir() error {
	f, err := os.Open(d.dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f osFile) Sync() error { return dataSync(f.File) }
