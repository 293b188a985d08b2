package console

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

const (
	index = "index.html"
	// maxFileBytes bounds a file of a bundle: it is read into memory to be sent.
	maxFileBytes = 64 << 20
)

// bundle is an open bundle.
type bundle struct {
	files fs.FS // its root has the index
	close func() error
}

// openBundle opens a folder or a ZIP file with an index, at its root or further down.
func openBundle(name string) (bundle, error) {
	info, err := os.Stat(name)
	if err != nil {
		return bundle{}, err
	}
	b := bundle{files: os.DirFS(name), close: func() error { return nil }}
	if !info.IsDir() {
		z, err := zip.OpenReader(name)
		if err != nil {
			return bundle{}, fmt.Errorf("it is neither a folder nor a ZIP file: %w", err)
		}
		b.files, b.close = z, z.Close
	}
	root, err := findIndex(b.files)
	if err == nil {
		b.files, err = fs.Sub(b.files, root)
	}
	if err != nil {
		return bundle{}, errors.Join(err, b.close())
	}
	return b, nil
}

// findIndex returns the folder of the index that is highest up.
func findIndex(files fs.FS) (string, error) {
	found, depth := "", -1
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if n := strings.Count(name, "/"); !d.IsDir() && d.Name() == index && (depth < 0 || n < depth) {
			found, depth = path.Dir(name), n
		}
		return nil
	})
	if err == nil && depth < 0 {
		err = fmt.Errorf("there is no %s in it: name the built bundle, not its source", index)
	}
	return found, err
}

// file is a file of a bundle that is open.
type file struct {
	fs.File
	name    string
	changed time.Time
	size    int64
}

// file opens a file, or the index if there is none of that name.
func (b bundle) file(name string) (*file, error) {
	f, err := b.open(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return b.open(index)
	}
	return f, err
}

func (b bundle) open(name string) (*file, error) {
	opened, err := b.files.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := opened.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = fs.ErrNotExist
	case info.Size() > maxFileBytes:
		err = fmt.Errorf("%s has %d bytes; at most %d are served", name, info.Size(), maxFileBytes)
	}
	if err != nil {
		opened.Close()
		return nil, err
	}
	return &file{opened, name, info.ModTime(), info.Size()}, nil
}

// read reads the whole file, which may have changed since it was opened.
func (f *file) read() ([]byte, error) {
	return io.ReadAll(io.LimitReader(f, maxFileBytes))
}
