package scatter

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/perdure/perdure/admin/query/table"
)

// Leaders says who leads partitions.
type Leaders interface {
	// Leader is where the leader of a partition is asked, http://host:port; here is true if this
	// node leads it. The error says that nobody is known to lead it.
	Leader(partition uint16) (address string, here bool, err error)
}

// Config configures a Source. All fields but WorkPath are required.
type Config struct {
	Local   table.Source // tables of partitions that are led here, and of those without
	Leaders Leaders
	Client  *http.Client
	// Path is where a Server listens on the nodes, and WorkPath where a WorkServer does. Nodes need not
	// have one; empty: they are not asked to compute.
	Path, WorkPath string
}

// Source has the tables of all partitions, wherever they are led.
type Source struct{ cfg Config }

var _ table.Source = (*Source)(nil)

// NewSource makes a source.
func NewSource(cfg Config) *Source { return &Source{cfg} }

// Tables implements table.Source.
func (s *Source) Tables() []*table.Table { return s.cfg.Local.Tables() }

// Partitions implements table.Source.
func (s *Source) Partitions(q *table.Scan) []uint16 { return s.cfg.Local.Partitions(q) }

const (
	// leaderTimeout is how long a scan waits for a partition that nobody leads, or whose leader
	// cannot be reached.
	leaderTimeout = 5 * time.Second
	leaderPause   = 50 * time.Millisecond
)

// Open implements table.Source. A leader that has just changed is asked again.
func (s *Source) Open(ctx context.Context, partition uint16, q *table.Scan) (table.Reader, error) {
	if !q.Table.Partitioned {
		return s.cfg.Local.Open(ctx, partition, q)
	}
	var r table.Reader
	err := s.patiently(ctx, func() (err error) {
		r, err = s.open(ctx, partition, q)
		return err
	})
	return r, err
}

// patiently does something again while the leader of a partition may be changing.
func (s *Source) patiently(ctx context.Context, do func() error) error {
	deadline := time.Now().Add(leaderTimeout)
	for {
		err := do()
		var refused *refusedError
		if err == nil || ctx.Err() != nil || time.Now().After(deadline) || errors.As(err, &refused) {
			return err
		}
		select {
		case <-time.After(leaderPause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (s *Source) open(ctx context.Context, partition uint16, q *table.Scan) (table.Reader, error) {
	address, here, err := s.cfg.Leaders.Leader(partition)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read table %s of partition %d: %w", q.Table.Name, partition, err)
	case here:
		return s.cfg.Local.Open(ctx, partition, q)
	}
	stream, err := s.post(ctx, address+s.cfg.Path, requestOf(partition, q).append(nil))
	if err != nil {
		return nil, fmt.Errorf("read table %s of partition %d from its leader at %s: %w", q.Table.Name,
			partition, address, err)
	}
	return &reader{stream: stream}, nil
}

// post asks another node.
func (s *Source) post(ctx context.Context, address string, request []byte) (*stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(request))
	if err != nil {
		cancel()
		return nil, err
	}
	resp, err := s.cfg.Client.Do(req)
	if err != nil {
		cancel()
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000)) // what can be read of it is enough
		_ = resp.Body.Close()
		cancel()
		answer := fmt.Sprintf("it answers %s: %s", resp.Status, strings.TrimSpace(string(text)))
		if resp.StatusCode == http.StatusServiceUnavailable {
			return nil, errors.New(answer)
		}
		return nil, &refusedError{answer}
	}
	return &stream{body: resp.Body, from: bufio.NewReaderSize(resp.Body, 64<<10), cancel: cancel}, nil
}

// refusedError is an answer that will not change.
type refusedError struct{ answer string }

func (e *refusedError) Error() string { return e.answer }

func requestOf(partition uint16, q *table.Scan) *request {
	r := &request{partition: partition, table: q.Table.Name, limit: uint64(q.Limit)}
	for _, c := range q.Columns {
		r.columns = append(r.columns, q.Table.Columns[c].Name)
	}
	for i := range q.Conditions {
		c := &q.Conditions[i]
		r.conditions = append(r.conditions, condition{q.Table.Columns[c.Column].Name, c.Op, c.Values})
	}
	return r
}

// reader reads the rows that another node sends.
type reader struct {
	*stream
	ended bool
}

// Next implements table.Reader.
func (r *reader) Next(b *table.Batch) (bool, error) {
	b.Reset()
	if r.ended {
		return false, nil
	}
	kind, body, err := r.frame(nil)
	if err != nil {
		return false, fmt.Errorf("read rows from another node: %w", err)
	}
	switch kind {
	case frameBatch:
		if err := decodeBatch(body, b); err != nil {
			return false, fmt.Errorf("decode rows from another node: %w", err)
		}
		return true, nil
	case frameEnd:
		r.ended = true
		return false, nil
	case frameFailed:
		return false, errors.New("another node failed to read rows: " + string(body))
	}
	return false, fmt.Errorf("another node sent a frame of kind %d", kind)
}

var _ table.Distant = (*reader)(nil)

// Distant implements table.Distant. Two nodes that ask each other must not wait for each other's turn.
func (r *reader) Distant() {}
