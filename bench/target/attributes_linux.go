package target

import "syscall"

// processAttributes gives a process its own group, and has it killed when the benchmark dies.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
