//go:build unix && !linux

package node

import "syscall"

func childAttributes() *syscall.SysProcAttr { return nil }
