package exec

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/admin/query/table"
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

// TestOrder: turns go to the query that has computed little, of those alike to the oldest one, and now and
// then to the oldest of all.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPace(1, nil)
		queries := map[string]*Turn{}
		for _, q := range []struct {
			name string
			used time.Duration
		}{
			{"holder", 0}, {"oldest", 100 * firstLevel}, {"large", 9 * firstLevel}, {"as large", 8 * firstLevel}, {"small", 0},
		} {
			turn := p.Turn(t.Context())
			queries[q.name] = turn
			if err := turn.Take(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(q.used)
			turn.Give()
		}
		if err := queries["holder"].Take(); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, name := range []string{"small", "as large", "large", "oldest"} {
			for range 3 { // goroutines of a query
				turn := queries[name].Beside(t.Context())
				go func() {
					if err := turn.Take(); err != nil {
						t.Error(err)
					}
					got = append(got, name)
					turn.Give()
				}()
			}
		}
		synctest.Wait()
		queries["holder"].Give()
		synctest.Wait()
		want := []string{
			"small", "small", "small", "large", "large", "large", "as large", "oldest", "as large", "as large", "oldest", "oldest",
		}
		if !slices.Equal(got, want) {
			t.Errorf("turns went to %v, want %v", got, want)
		}
		if p.Taken() != 0 {
			t.Errorf("%d turns are taken afterwards", p.Taken())
		}
	})
}

// TestLateTurn: a turn that is given at the moment its query ends goes on to the next.
func TestLateTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPace(1, nil)
		holder := p.Turn(t.Context())
		if err := holder.Take(); err != nil {
			t.Fatal(err)
		}
		for range 100 { // which of both it sees is drawn
			ctx, cancel := context.WithCancel(t.Context())
			late, ended := p.Turn(ctx), make(chan struct{})
			go func() {
				if late.Take() == nil {
					late.Give()
				}
				close(ended)
			}()
			synctest.Wait()
			cancel()
			holder.Give()
			<-ended
			if err := holder.Take(); err != nil {
				t.Fatal(err)
			}
		}
		if p.Taken() != 1 {
			t.Errorf("%d turns are taken, want one", p.Taken())
		}
	})
}

// TestWithin: what is computed inside an expression rests as long as it would have done outside.
func TestWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPace(1, func() bool { return true })
		outer := p.Turn(t.Context())
		if err := outer.Take(); err != nil {
			t.Fatal(err)
		}
		inner, began := outer.Within(t.Context()), time.Now()
		if err := inner.Take(); err != nil || time.Since(began) != 0 {
			t.Errorf("it rested for %s before it had computed, %v", time.Since(began), err)
		}
		time.Sleep(busySlice)
		for range stepsBetweenLooks {
			inner.step()
		}
		if got, want := time.Since(began), (1+restFactor)*busySlice; got != want || inner.Give() || !outer.held {
			t.Errorf("it computed and rested for %s, want %s", got, want)
		}
	})
}

// TestFit: a batch has as many rows as there is time for.
func TestFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn, b := NewPace(1, nil).Turn(t.Context()), &table.Batch{}
		for _, c := range []struct {
			begin int
			row   time.Duration // what one takes
			want  int           // rows after a while
		}{
			{0, 0, table.DefaultRows}, {0, sliceTime / 100, 64}, {2, sliceTime / 100, 64}, {0, sliceTime, 16}, {3, sliceTime, 3},
		} {
			b.Begin(c.begin)
			for range 20 {
				if err := turn.Take(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Duration(b.Cap()) * c.row)
				turn.Fit(b)
				turn.Give()
			}
			if b.Cap() != c.want {
				t.Errorf("from %d rows that take %s each: %d rows, want %d", c.begin, c.row, b.Cap(), c.want)
			}
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
