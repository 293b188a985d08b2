package scatter

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/perdure/perdure/admin/query/table"
	"github.com/perdure/perdure/protocol/wire"
)

// workRequest asks for what comes of work on one partition.
type workRequest struct {
	partition uint16
	work      table.Work
}

func (r *workRequest) append(dst []byte) []byte {
	dst = wire.AppendUvarint(dst, 1, r.partition)
	dst = wire.AppendBytes(dst, 2, r.work.Statement)
	return wire.AppendBytes(dst, 3, r.work.Part[:])
}

func decodeWork(b []byte) (r workRequest, err error) {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			r.partition = d.Uint16()
		case 2:
			r.work.Statement = d.Bytes()
		case 3:
			d.Array(r.work.Part[:])
		}
	}
	return r, d.Err()
}

var _ table.Delegating = (*Source)(nil)

// Delegate implements table.Delegating. Whatever a node answers but that it does not lead the partition
// means that it cannot: it may be of another release.
func (s *Source) Delegate(ctx context.Context, partition uint16, w *table.Work) (table.Pieces, error) {
	if s.cfg.WorkPath == "" {
		return nil, table.ErrCannot
	}
	body := (&workRequest{partition, *w}).append(nil)
	var p table.Pieces
	err := s.patiently(ctx, func() error {
		address, here, err := s.cfg.Leaders.Leader(partition)
		switch {
		case err != nil:
			return fmt.Errorf("have partition %d computed: %w", partition, err)
		case here:
			return nil
		}
		stream, err := s.post(ctx, address+s.cfg.WorkPath, body)
		if err != nil {
			return fmt.Errorf("have partition %d computed by its leader at %s: %w", partition, address, err)
		}
		p = &pieces{stream}
		return nil
	})
	var refused *refusedError
	if errors.As(err, &refused) {
		return nil, fmt.Errorf("%w: %w", table.ErrCannot, err)
	}
	return p, err
}

// pieces reads what another node has computed.
type pieces struct{ *stream }

// Next implements table.Pieces.
func (p *pieces) Next(take func(bytes int64)) ([]byte, error) {
	kind, body, err := p.frame(take)
	if err != nil {
		return nil, fmt.Errorf("read what another node has computed: %w", err)
	}
	switch kind {
	case framePiece:
		return body, nil
	case frameEnd:
		return nil, io.EOF
	case frameFailed:
		return nil, errors.New("another node failed to send what it has computed: " + string(body))
	}
	return nil, fmt.Errorf("another node sent a frame of kind %d", kind)
}

// Worker does work on the rows that a source has of a partition. It hands what comes of it to send,
// piece by piece; an error before the first, but one that unread is true for, says that the rows should
// be asked for instead.
type Worker interface {
	Work(ctx context.Context, from table.Source, partition uint16, w *table.Work,
		send func(piece []byte) error) error
	// Unread reports whether an error is that the partition cannot be read here.
	Unread(err error) bool
}

// WorkServer computes for other nodes what comes of the rows of partitions that are led here.
type WorkServer struct {
	tables table.Source
	worker Worker
}

// NewWorkServer makes a server of the tables of partitions that are led here.
func NewWorkServer(tables table.Source, worker Worker) *WorkServer {
	return &WorkServer{tables, worker}
}

// ServeHTTP implements http.Handler.
func (s *WorkServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, ok := readRequest(w, r)
	if !ok {
		return
	}
	q, err := decodeWork(body)
	if err != nil {
		http.Error(w, "decode the request: "+err.Error(), http.StatusBadRequest)
		return
	}
	out := newSender(w)
	err = s.worker.Work(r.Context(), s.tables, q.partition, &q.work, func(piece []byte) error {
		return out.send(framePiece, piece)
	})
	switch {
	case err == nil || out.began:
		out.end(err)
	case s.worker.Unread(err):
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	default:
		http.Error(w, err.Error(), http.StatusNotFound)
	}
}

// stream is what another node answers.
type stream struct {
	body   io.ReadCloser
	from   *bufio.Reader
	cancel context.CancelFunc
	buffer []byte
}

// frame reads a frame; the body is valid until the next one.
func (s *stream) frame(take func(bytes int64)) (kind byte, body []byte, err error) {
	kind, s.buffer, err = readFrame(s.from, s.buffer[:0], take)
	return kind, s.buffer, err
}

// Close implements table.Reader and table.Pieces.
func (s *stream) Close() error {
	s.cancel()
	return s.body.Close()
}
