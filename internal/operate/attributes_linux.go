package operate

import "syscall"

// nodeAttributes has a node killed when this process dies.
func nodeAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
