package cluster

import "syscall"

// nodeAttributes leaves a node in this process's group, and has it killed when this one dies.
func nodeAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
