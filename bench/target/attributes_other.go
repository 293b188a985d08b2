//go:build unix && !linux

package target

import "syscall"

// processAttributes gives a process its own group.
func processAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
