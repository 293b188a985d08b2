package probe

import (
	"os"
	"syscall"
)

// Datasync makes the written bytes of a file durable, without times and other attributes.
func Datasync(file *os.File) error {
	for {
		if err := syscall.Fdatasync(int(file.Fd())); err != syscall.EINTR {
			return err
		}
	}
}
