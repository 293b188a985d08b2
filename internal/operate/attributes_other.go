//go:build unix && !linux

package operate

import "syscall"

func nodeAttributes() *syscall.SysProcAttr { return nil }
