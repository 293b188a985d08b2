package floor

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/perdure/perdure/bench/probe"
)

const logBytes = 16 << 20 // of the zeroed file; written from the start again when it is full

// disk writes records one after the other to a zeroed file and makes them durable, records that
// wait at the same time with one sync.
type disk struct {
	file  *os.File
	token chan struct{} // held by whoever syncs

	// Owned by the holder of the token.
	offset int64
	syncs  int

	mu   sync.Mutex
	next *batch // guarded by mu; what the next sync takes
}

type batch struct {
	records []byte
	done    chan struct{}
	err     error // read after done
}

func newBatch() *batch { return &batch{done: make(chan struct{})} }

// openDisk makes the file in dir.
func openDisk(dir string) (*disk, error) {
	file, err := probe.CreateZeroed(dir, logBytes)
	if err != nil {
		return nil, err
	}
	return &disk{file: file, token: make(chan struct{}, 1), next: newBatch()}, nil
}

// commit returns when record is durable. The caller that finds nobody syncing syncs on its own
// goroutine, for itself and for all that wait; there is no hand-off at one client.
func (d *disk) commit(record []byte) error {
	d.mu.Lock()
	mine := d.next
	mine.records = append(mine.records, record...)
	d.mu.Unlock()
	select {
	case <-mine.done:
	case d.token <- struct{}{}:
		d.sync(mine)
		<-d.token
		<-mine.done
	}
	return mine.err
}

// sync makes a batch durable unless that was done before the caller got the token.
func (d *disk) sync(mine *batch) {
	d.mu.Lock()
	if d.next != mine {
		d.mu.Unlock()
		return
	}
	d.next = newBatch()
	d.mu.Unlock()
	mine.err = d.write(mine.records)
	close(mine.done)
}

func (d *disk) write(records []byte) error {
	for len(records) > 0 {
		if d.offset == logBytes {
			d.offset = 0
		}
		part := records[:min(int64(len(records)), logBytes-d.offset)]
		n, err := d.file.WriteAt(part, d.offset)
		d.offset += int64(n)
		records = records[n:]
		if err != nil {
			return fmt.Errorf("write a record: %w", err)
		}
	}
	d.syncs++
	if err := probe.Datasync(d.file); err != nil {
		return fmt.Errorf("sync a record: %w", err)
	}
	return nil
}

// close removes the file. No commit may be running.
func (d *disk) close() error {
	return errors.Join(d.file.Close(), os.Remove(d.file.Name()))
}
