//go:build !linux

package nodelog

import "os"

func dataSync(f *os.File) error { return f.Sync() }
