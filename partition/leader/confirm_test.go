package leader

import (
	"context"
	"errors"
	"testing"

	"github.com/perdure/perdure/internal/clock"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// behind are the rows of a leader of the past: what it appends comes back, if at all, after all that
// the leader of the present has decided.
type behind struct {
	Rows
	now   command.Reply
	later command.Reply
	lost  bool
}

// Outcome implements Rows.
func (b *behind) Outcome(protocol.InvocationID, command.RequestID) (command.Reply, error) {
	return b.now, nil
}

// Append implements Appender.
func (b *behind) Append(done func(protocol.LSN, error), _ ...[]byte) error {
	go func() {
		if b.lost {
			done(0, errors.New("lost"))
			return
		}
		b.now = b.later
		done(1, nil)
	}()
	return nil
}

func TestWhatIsMissingIsConfirmed(t *testing.T) {
	missing := command.Reply{Status: command.ReplyNotFound}
	ended := command.Reply{Status: command.ReplyCompleted}
	for _, tt := range []struct {
		name  string
		later command.Reply
		lost  bool
		err   error
	}{
		{name: "it is there for others", later: ended},
		{name: "it is nowhere", later: missing},
		{name: "nobody can tell", later: ended, lost: true, err: ErrNotLeader},
	} {
		for ask, f := range map[string]func(*Leader) (command.Reply, error){
			"attach": func(l *Leader) (command.Reply, error) {
				return l.Attach(t.Context(), protocol.InvocationID{}, command.RequestID{})
			},
			"output": func(l *Leader) (command.Reply, error) {
				return l.Output(t.Context(), protocol.InvocationID{})
			},
		} {
			b := &behind{now: missing, later: tt.later, lost: tt.lost}
			l := &Leader{cfg: Config{Rows: b}, pending: newPending(), state: leading}
			l.stamp.clock, l.stamp.log = clock.Real{}, b
			l.leads.Store(1)
			got, err := f(l)
			if !errors.Is(err, tt.err) || err == nil && got.Status != tt.later.Status {
				t.Errorf("%s, %s: %v, %v", ask, tt.name, got.Status, err)
			}
		}
	}
}

func TestConfirmEndsWithItsContext(t *testing.T) {
	l := &Leader{}
	l.stamp.clock, l.stamp.log = clock.Real{}, silent{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Confirm(ctx, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// silent is a log that never says what became of a record.
type silent struct{}

// Append implements Appender.
func (silent) Append(func(protocol.LSN, error), ...[]byte) error { return nil }
