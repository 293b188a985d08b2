package machine

import (
	"math/rand/v2"
	"testing"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// FuzzApply applies whatever decodes, on top of a partition that has lived a little: nothing may
// panic, no command may be refused, and the rows must hang together.
func FuzzApply(f *testing.F) {
	w := newWorld(f, 1)
	for range 150 {
		w.step()
	}
	for _, record := range w.log {
		f.Add(record)
	}
	base := w.log
	f.Fuzz(func(t *testing.T, record []byte) {
		h, c, err := command.Decode(record)
		if err != nil {
			return
		}
		switch c.(type) {
		case *command.VersionBarrier, *command.CompareDigest:
			return // they may stop the replica
		}
		s := newStore(t, store.Config{})
		applyRecords(t, s, 0, base...)
		tx := s.Begin()
		if _, err := Apply(tx, lsnOf(len(base)), &h, c, nil); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		checkRows(t, s)
		err = Recover(s.Reader(), func(Action) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
	})
}

// Records with a few bytes changed are applied one after the other, so that odd values meet.
func TestMutilatedCommands(t *testing.T) {
	eachSeed(t, 10, func(t *testing.T, seed uint64) {
		w := newWorld(t, seed)
		for range propSteps {
			w.step()
		}
		rng := rand.New(rand.NewPCG(seed, 3))
		s := newStore(t, store.Config{})
		applied := protocol.LSN(0)
		for range 4 {
			for _, record := range w.log {
				record = append([]byte(nil), record...)
				if rng.IntN(2) == 0 {
					record[rng.IntN(len(record))] = byte(rng.Uint32())
				}
				h, c, err := command.Decode(record)
				if err != nil {
					continue
				}
				switch c.(type) {
				case *command.VersionBarrier, *command.CompareDigest:
					continue
				}
				tx := s.Begin()
				applied++
				if _, err := Apply(tx, applied, &h, c, nil); err != nil {
					t.Fatalf("apply %T %x: %v", c, record, err)
				}
				if err := tx.Commit(); err != nil {
					t.Fatal(err)
				}
			}
			checkRows(t, s)
		}
	})
}
