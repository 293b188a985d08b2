package probe

import (
	"io/fs"
	"syscall"
)

// allocatedBytes is the space on disk, which differs from the length for files with holes and for
// preallocated ones.
func allocatedBytes(info fs.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Blocks * 512
	}
	return info.Size()
}
