package bifrost

import (
	"testing"

	"github.com/perdure/perdure/protocol"
)

func TestPositions(t *testing.T) {
	for _, test := range []struct {
		origin, index uint64
		position      int
		lsn           protocol.LSN
	}{
		{0, 1, 0, 0x1000},
		{0, 1, MaxAppendRecords - 1, 0x1fff},
		{0, 2, 7, 0x2007},
		{0x100, 2, 7, 0x102007},
	} {
		p := positions{origin: test.origin}
		if got := p.lsn(test.index, test.position); got != test.lsn {
			t.Errorf("record %d of entry %d from %#x is at %#x, want %#x",
				test.position, test.index, test.origin, uint64(got), uint64(test.lsn))
		}
		if got := p.index(test.lsn); got != test.index {
			t.Errorf("%#x from %#x is in entry %d, want %d", uint64(test.lsn), test.origin, got, test.index)
		}
	}
	if got := (positions{origin: 5}).index(0x3000); got != 0 {
		t.Errorf("an LSN before the log began is in entry %d, want 0", got)
	}
}

func TestTrimKeepsTheEntryItEndsIn(t *testing.T) {
	for lsn, want := range map[protocol.LSN]uint64{0: 0, 0x1005: 0, 0x2000: 1, 0x9fff: 8} {
		if got := (positions{}).trimIndex(lsn); got != want {
			t.Errorf("trim through %v cuts entries up to %d, want %d", lsn, got, want)
		}
	}
}

func TestLogNames(t *testing.T) {
	for id, want := range map[LogID]string{
		MetadataLog: "metadata", PartitionLog(0): "partition-0",
		PartitionLog(65535): "partition-65535", 7: "log-7",
	} {
		if id.String() != want {
			t.Errorf("log %d is called %s, want %s", uint64(id), id, want)
		}
	}
}
