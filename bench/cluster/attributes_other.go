//go:build unix && !linux

package cluster

import "syscall"

// nodeAttributes leaves a node in this process's group.
func nodeAttributes() *syscall.SysProcAttr { return nil }
