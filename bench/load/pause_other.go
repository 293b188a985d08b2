//go:build !linux

package load

import "time"

// pause sleeps with a runtime timer, which may be late by a millisecond.
func pause(d time.Duration) { time.Sleep(d) }
