package exec

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestRest: while the server is busy a turn is followed by a rest in which nobody else has it.
func TestRest(t *testing.T) {
	for _, busy := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := NewPace(1, func() bool { return busy })
			first, second := p.Turn(t.Context()), p.Turn(t.Context())
			if err := first.Take(); err != nil {
				t.Fatal(err)
			}
			began, taken := time.Now(), make(chan time.Duration)
			go func() {
				err := second.Take()
				taken <- time.Since(began)
				if err != nil || !second.Give() {
					t.Errorf("the second has no turn: %v", err)
				}
			}()
			time.Sleep(sliceTime)
			first.Give()
			want := sliceTime
			if busy {
				want += restFactor * sliceTime
			}
			if got := <-taken; got != want {
				t.Errorf("busy %t: the second had its turn after %s, want %s", busy, got, want)
			}
		})
	}
}

// TestTurnEnds: a query that ends while it waits has no turn afterwards, and one that ends does not wait
// for the rest.
func TestTurnEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPace(1, func() bool { return true })
		ctx, cancel := context.WithCancelCause(t.Context())
		over := errors.New("over")
		holder, waiter := p.Turn(ctx), p.Turn(ctx)
		if err := holder.Take(); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Millisecond, func() { cancel(over) })
		if err := waiter.Take(); !errors.Is(err, over) {
			t.Errorf("the wait ended with %v", err)
		}
		time.Sleep(time.Second)
		began := time.Now()
		if holder.Give(); time.Since(began) != 0 || p.Taken() != 1 {
			t.Errorf("a query that is over rested for %s, and %d turns are taken", time.Since(began), p.Taken())
		}
		time.Sleep(maxRest)
		synctest.Wait()
		if p.Taken() != 0 {
			t.Error("the turn is taken after the rest")
		}
		if err := holder.Take(); !errors.Is(err, over) {
			t.Errorf("a query that is over has a turn: %v", err)
		}
	})
}

// TestStep: a long loop lets others have the turn, and hands rows on meanwhile.
func TestStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPace(1, nil)
		turn := p.Turn(t.Context())
		given := 0
		turn.idle = func() {
			if given++; p.Taken() != 0 {
				t.Error("rows are handed on with the turn")
			}
		}
		if err := turn.Take(); err != nil {
			t.Fatal(err)
		}
		for range 10 * stepsBetweenLooks {
			time.Sleep(sliceTime / stepsBetweenLooks)
			turn.step()
		}
		if given < 9 || !turn.held {
			t.Errorf("the turn was given %d times, want about 10; it is held: %t", given, turn.held)
		}
	})
}
