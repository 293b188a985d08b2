package store

import (
	"github.com/perdure/perdure/protocol/command"
)

// HasTimer reports whether the timer has neither fired nor been deleted.
func (r Reader) HasTimer(t command.Timer) (bool, error) {
	_, ok, err := r.get(timerKey(nil, t))
	return ok, err
}

// Timers returns up to limit timers in the order in which they fall due, beginning with the first
// one after from (which need not exist; the zero timer is before all).
func (r Reader) Timers(from command.Timer, limit int) ([]command.Timer, error) {
	lower := timerKey(nil, from)
	if from != (command.Timer{}) {
		lower = append(lower, 0)
	}
	rows := scan(r, bounds{lower, after(appendKind(nil, KindTimer))},
		func(key, _ []byte) (command.Timer, error) { return timerOf(key) })
	var timers []command.Timer
	for t, err := range rows {
		if err != nil {
			return nil, err
		}
		if timers = append(timers, t); len(timers) == limit {
			break
		}
	}
	return timers, nil
}

// PutTimer writes a timer.
func (tx *Tx) PutTimer(t command.Timer) error {
	return tx.put(timerKey(tx.keyBuffer(), t), timerRow)
}

var timerRow = []byte{rowVersion} // everything is in the key

// DeleteTimer makes a timer not fire.
func (tx *Tx) DeleteTimer(t command.Timer) error { return tx.delete(timerKey(tx.keyBuffer(), t)) }
