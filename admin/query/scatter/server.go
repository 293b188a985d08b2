package scatter

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/perdure/perdure/admin/query/exec"
	"github.com/perdure/perdure/admin/query/table"
)

const (
	maxRequestBytes = 16 << 20
	// stuck is how long the node that asked may take nothing.
	stuck = time.Minute
)

// Server gives the rows of partitions that are led here.
type Server struct {
	tables table.Source
	pace   *exec.Pace
}

// NewServer makes a server of the tables of partitions that are led here. It reads them in turns of
// pace, which it shares with the queries of this node.
func NewServer(tables table.Source, pace *exec.Pace) *Server { return &Server{tables, pace} }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, ok := readRequest(w, r)
	if !ok {
		return
	}
	q, err := decodeRequest(body)
	if err != nil {
		http.Error(w, "decode the request: "+err.Error(), http.StatusBadRequest)
		return
	}
	scan, err := s.scan(&q)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	reader, err := s.tables.Open(r.Context(), q.partition, scan)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	out := newSender(w)
	err = s.stream(r.Context(), out, reader, table.NewBatch(scan))
	if closed := reader.Close(); err == nil && closed != nil {
		err = closed
	}
	out.end(err)
}

// readRequest reads a request; false: it has been answered that it cannot be.
func readRequest(w http.ResponseWriter, r *http.Request) (body []byte, ok bool) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequestBytes+1))
	if err != nil || len(body) > maxRequestBytes {
		http.Error(w, "the request cannot be read, or is too long", http.StatusBadRequest)
		return nil, false
	}
	return body, true
}

// scan is what the request asks for, in terms of the tables here.
func (s *Server) scan(q *request) (*table.Scan, error) {
	tables := s.tables.Tables()
	at := slices.IndexFunc(tables, func(t *table.Table) bool { return t.Name == q.table })
	if at < 0 {
		return nil, fmt.Errorf("there is no table %s on this node", q.table)
	}
	scan := &table.Scan{Table: tables[at], Limit: int(q.limit)}
	for _, name := range q.columns {
		c := scan.Table.Column(name)
		if c < 0 {
			return nil, fmt.Errorf("there is no column %s in table %s on this node", name, q.table)
		}
		scan.Columns = append(scan.Columns, c)
	}
	for _, c := range q.conditions {
		column := scan.Table.Column(c.column)
		if column < 0 || slices.ContainsFunc(c.values, func(v table.Value) bool {
			return v.Type != scan.Table.Columns[column].Type
		}) {
			scan.Limit = 0 // conditions are hints; without this one the limit is none
			continue
		}
		scan.Conditions = append(scan.Conditions, table.Condition{Column: column, Op: c.op, Values: c.values})
	}
	return scan, nil
}

// stream sends batches until there are no more.
func (s *Server) stream(ctx context.Context, out *sender, reader table.Reader, batch *table.Batch) error {
	var body []byte
	batch.Begin(0)
	turn := s.pace.Turn(ctx)
	for {
		if err := turn.Take(); err != nil {
			return err
		}
		ok, err := reader.Next(batch)
		turn.Fit(batch)
		turn.Give()
		if err != nil || !ok {
			return err
		}
		if batch.Rows == 0 {
			continue
		}
		body = appendBatch(body[:0], batch)
		if err := out.send(frameBatch, body); err != nil {
			return fmt.Errorf("send rows: %w", err)
		}
	}
}

// sender sends frames.
type sender struct {
	to      http.ResponseWriter
	control *http.ResponseController
	frame   []byte
	began   bool
}

func newSender(w http.ResponseWriter) *sender {
	return &sender{to: w, control: http.NewResponseController(w)}
}

func (s *sender) send(kind byte, body []byte) error {
	s.began = true
	s.frame = appendFrame(s.frame[:0], kind, body)
	// Servers that have no deadlines, those of tests, are fine without.
	_ = s.control.SetWriteDeadline(time.Now().Add(stuck))
	_, err := s.to.Write(s.frame)
	return err
}

// end sends the last frame: that there are no more, or why.
func (s *sender) end(failed error) {
	kind, body := frameEnd, []byte(nil)
	if failed != nil {
		kind, body = frameFailed, []byte(failed.Error())
	}
	_ = s.send(kind, body) // a node that has gone away asks no more
}
