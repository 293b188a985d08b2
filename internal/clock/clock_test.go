package clock

import (
	"fmt"
	"testing"
	"time"
)

func TestFakeRunsCallbacksInOrder(t *testing.T) {
	c := NewFake(time.Unix(100, 0))
	var got []string
	note := func(name string) func() {
		return func() { got = append(got, fmt.Sprintf("%s@%d", name, c.Now().Unix())) }
	}
	c.AfterFunc(3*time.Second, note("c"))
	c.AfterFunc(time.Second, func() {
		note("a")()
		c.AfterFunc(time.Second, note("b"))
	})
	stopped := c.AfterFunc(2*time.Second, note("stopped"))
	c.AfterFunc(10*time.Second, note("late"))
	if !stopped.Stop() || stopped.Stop() {
		t.Fatal("Stop must report true once")
	}
	c.Advance(5 * time.Second)
	if want := "[a@101 b@102 c@103]"; fmt.Sprint(got) != want {
		t.Fatalf("got %v, want %s", got, want)
	}
	if due, ok := c.Next(); !ok || due.Unix() != 110 {
		t.Fatalf("next is %v, %v; want 110", due, ok)
	}
}
