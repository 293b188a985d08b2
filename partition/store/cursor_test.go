package store

import (
	"math"
	"reflect"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/wire"
)

// TestStatusParts: a cursor that decodes parts of rows gives what decoding all fields and keeping
// those parts gives.
func TestStatusParts(t *testing.T) {
	full := fullStatus()
	s := open(t, Config{Dir: "p", FS: vfs.NewMem(), Keys: protocol.KeyRange{First: 0, Last: math.MaxUint64}})
	defer closeStore(t, s)
	tx := s.Begin()
	if err := tx.PutStatus(full); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	value := full.encode()
	for a := range 15 {
		for b := range 15 {
			fields := StatusFields(1)<<a | StatusFields(1)<<b
			want := Status{ID: full.ID}
			err := decodeRow(value, func(d *wire.Decoder) {
				if fields.numbers()>>d.Field()&1 == 1 {
					want.decodeField(d)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := onlyRow(t, s, fields); !reflect.DeepEqual(got, &want) {
				t.Errorf("fields %b give\n%+v, want\n%+v", fields, got, want)
			}
		}
	}
	if got := onlyRow(t, s, AllStatusFields, full.State); got == nil {
		t.Errorf("the invocation is not among those in state %s", full.State)
	}
	for other := Scheduled; other <= Completed; other++ {
		if other != full.State && onlyRow(t, s, 0, other) != nil {
			t.Errorf("an invocation in state %s is among those in state %s", full.State, other)
		}
	}
}

// onlyRow is the first row of a cursor, nil if it has none.
func onlyRow(t *testing.T, s *Store, fields StatusFields, states ...State) *Status {
	t.Helper()
	c, err := s.Reader().StatusRows(SpanKeys(s.identity.Keys), fields, states...)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var row Status
	ok, err := c.Next(&row)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return nil
	}
	return &row
}
