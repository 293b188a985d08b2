package bifrost

import (
	"errors"
	"testing"
	"time"

	"github.com/lni/dragonboat/v4"
)

// A use of the library may wait for an apply goroutine, which proposes what comes next: neither a log
// that is started meanwhile nor the end of the host may keep it from that.
func TestUsesOfTheLibraryKeepNobodyOut(t *testing.T) {
	h := &RaftHost{logs: map[LogID]*raftLog{}}
	inside, leave := make(chan struct{}), make(chan struct{})
	ended := make(chan error)
	go func() {
		ended <- h.use(func(*dragonboat.NodeHost) error {
			close(inside)
			<-leave
			return nil
		})
	}()
	<-inside
	others := make(chan error, 2)
	go func() {
		others <- h.enlist(&raftLog{host: h, id: 7})
		others <- h.use(func(*dragonboat.NodeHost) error { return nil })
	}()
	for range 2 {
		select {
		case err := <-others:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Fatal("a use of the library keeps others waiting")
		}
	}
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	if err := h.use(nil); !errors.Is(err, ErrClosed) {
		t.Errorf("used after it was closed: %v", err)
	}
	close(leave)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	h.uses.Wait() // nobody is left inside
}
