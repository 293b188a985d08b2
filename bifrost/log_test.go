package bifrost_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/protocol"
)

// disk is what of a recorder's state outlives a restart.
type disk struct {
	mu      sync.Mutex
	records []bifrost.Record
}

func (d *disk) applied() protocol.LSN {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.records) == 0 {
		return 0
	}
	return d.records[len(d.records)-1].LSN
}

// recorder is an Applier that keeps every record, in memory until Sync.
type recorder struct {
	disk *disk

	mu       sync.Mutex
	records  []bifrost.Record
	applied  int // records handed to Apply since Open
	calls    int
	problems []error
	opened   bool
	closed   bool
	onApply  func([]bifrost.Record) error // optional, before they are recorded
}

func newRecorder(d *disk) *recorder { return &recorder{disk: d} }

func (r *recorder) Open(context.Context) (protocol.LSN, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.disk.mu.Lock()
	defer r.disk.mu.Unlock()
	r.opened = true
	r.records = append([]bifrost.Record(nil), r.disk.records...)
	return r.last(), nil
}

func (r *recorder) last() protocol.LSN {
	if len(r.records) == 0 {
		return 0
	}
	return r.records[len(r.records)-1].LSN
}

func (r *recorder) Apply(records []bifrost.Record) error {
	if r.onApply != nil {
		if err := r.onApply(records); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	for _, rec := range records {
		if rec.LSN <= r.last() {
			r.problems = append(r.problems, fmt.Errorf("%v applied after %v", rec.LSN, r.last()))
		}
		r.records = append(r.records, rec)
		r.applied++
	}
	return nil
}

func (r *recorder) Sync() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.disk.mu.Lock()
	defer r.disk.mu.Unlock()
	r.disk.records = append([]bifrost.Record(nil), r.records...)
	return nil
}

func (r *recorder) Save(w io.Writer, _ <-chan struct{}) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range r.records {
		head := binary.LittleEndian.AppendUint64(nil, uint64(rec.LSN))
		head = binary.LittleEndian.AppendUint32(head, uint32(len(rec.Data)))
		if _, err := w.Write(append(head, rec.Data...)); err != nil {
			return err
		}
	}
	return nil
}

func (r *recorder) Restore(in io.Reader, _ <-chan struct{}) (protocol.LSN, error) {
	var restored []bifrost.Record
	for {
		var head [12]byte
		if _, err := io.ReadFull(in, head[:]); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return 0, err
		}
		data := make([]byte, binary.LittleEndian.Uint32(head[8:]))
		if _, err := io.ReadFull(in, data); err != nil {
			return 0, err
		}
		restored = append(restored, bifrost.Record{
			LSN: protocol.LSN(binary.LittleEndian.Uint64(head[:])), Data: data})
	}
	r.mu.Lock()
	r.records = restored
	r.mu.Unlock()
	return r.last(), r.Sync()
}

func (r *recorder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		r.problems = append(r.problems, errors.New("closed twice"))
	}
	r.closed = true
	return nil
}

// snapshot returns the records seen, how many of them since Open, and what was wrong.
func (r *recorder) snapshot() (records []bifrost.Record, sinceOpen int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]bifrost.Record(nil), r.records...), r.applied, errors.Join(r.problems...)
}

func (r *recorder) leftOpen() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.opened && !r.closed
}
