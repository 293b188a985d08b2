package metadata

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/protocol"
)

// applier is the Store as its log sees it.
type applier struct{ *Store }

var _ bifrost.Applier = applier{}

var errStopped = errors.New("stopped on request")

// Open implements bifrost.Applier.
func (a applier) Open(context.Context) (protocol.LSN, error) {
	if err := os.MkdirAll(a.cfg.Dir, 0o700); err != nil {
		return 0, fmt.Errorf("make the metadata folder: %w", err)
	}
	m, err := loadFile(a.cfg.Dir)
	if err != nil {
		return 0, err
	}
	a.replace(m)
	return m.applied, nil
}

// Apply implements bifrost.Applier. All records are read before the first is applied, so that a
// bad one leaves nothing half done.
func (a applier) Apply(records []bifrost.Record) error {
	decoded := make([]record, len(records))
	for i, rec := range records {
		r, err := decodeRecord(rec.Data)
		if err != nil {
			return fmt.Errorf("read metadata record %v: %w", rec.LSN, err)
		}
		decoded[i] = r
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, r := range decoded {
		out := a.machine.apply(records[i].LSN, r)
		if r.kind != recordSwap {
			continue
		}
		// A repeat that lost against a later writer does not unsay that the first try won.
		if w := a.waiting[r.request]; w != nil && !w.changed {
			*w = out
		}
		if out.changed {
			a.wake(r.key)
		}
		a.untrimmedBytes += len(records[i].Data)
	}
	if a.untrimmedBytes >= a.cfg.TrimBytes {
		a.untrimmedBytes = 0
		select {
		case a.trim <- a.machine.applied:
		default: // one is on its way; the next one catches up
		}
	}
	return nil
}

// Sync implements bifrost.Applier.
func (a applier) Sync() error { return a.snapshot().saveFile(a.cfg.Dir) }

// Save implements bifrost.Applier.
func (a applier) Save(w io.Writer, stop <-chan struct{}) error {
	select {
	case <-stop:
		return errStopped
	default:
	}
	if _, err := io.Copy(w, bytes.NewReader(a.snapshot().encode())); err != nil {
		return fmt.Errorf("write a metadata snapshot: %w", err)
	}
	return nil
}

// Restore implements bifrost.Applier.
func (a applier) Restore(r io.Reader, _ <-chan struct{}) (protocol.LSN, error) {
	m, err := readSnapshot(r)
	if err != nil {
		return 0, err
	}
	if err := m.saveFile(a.cfg.Dir); err != nil {
		return 0, err
	}
	a.replace(m)
	return m.applied, nil
}

// Close implements bifrost.Applier: everything is in the log or in the file.
func (a applier) Close() error { return nil }
