package load

import (
	"syscall"
	"time"
)

// pause sleeps in the kernel, which keeps time better than a runtime timer.
func pause(d time.Duration) {
	wait := syscall.NsecToTimespec(d.Nanoseconds())
	for {
		var left syscall.Timespec
		if err := syscall.Nanosleep(&wait, &left); err != syscall.EINTR {
			return // done; no other error is possible for a valid time
		}
		wait = left // a signal came, such as the runtime's own for preemption
	}
}
