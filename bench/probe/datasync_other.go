//go:build !linux

package probe

import "os"

// Datasync makes the written bytes of a file durable.
func Datasync(file *os.File) error { return file.Sync() }
