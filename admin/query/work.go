package query

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/admin/query/exec"
	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/plan"
	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
	"github.com/perdure/perdure/protocol/wire"
)

// told is what another node has to know to make the plan that a statement has here. Expressions are
// functions and cannot be sent; the text they are made of can.
type told struct {
	pieces  uint64 // exec.PiecesVersion
	version string // of the release: what a text means may change
	text    string
	user    string
	labels  bool
	now     time.Time
	types   []table.Type // of the parameters
	params  []table.Value
}

func (t *told) append(dst []byte) []byte {
	dst = wire.AppendUvarint(dst, 1, t.pieces)
	dst = wire.AppendString(dst, 2, t.version)
	dst = wire.AppendString(dst, 3, t.text)
	dst = wire.AppendString(dst, 4, t.user)
	dst = wire.AppendBool(dst, 5, t.labels)
	dst = wire.AppendFixed64(dst, 6, uint64(t.now.UnixMilli()))
	for _, x := range t.types {
		dst = wire.AppendPresentUvarint(dst, 7, uint8(x))
	}
	for i := range t.params {
		dst = table.AppendField(dst, 8, &t.params[i])
	}
	return dst
}

func decodeTold(b []byte) (t told, err error) {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			t.pieces = d.Uint64()
		case 2:
			t.version = d.RawString()
		case 3:
			t.text = d.RawString()
		case 4:
			t.user = d.RawString()
		case 5:
			t.labels = d.Bool()
		case 6:
			t.now = time.UnixMilli(int64(d.Fixed64()))
		case 7:
			t.types = append(t.types, table.Type(d.Uint8()))
		case 8:
			v, err := table.DecodeValue(d.Bytes(), nil)
			d.Fail(err)
			t.params = append(t.params, v)
		}
	}
	return t, d.Err()
}

// tell is what other nodes are told about a run of the statement.
func (s *Statement) tell(env *plan.Env) []byte {
	t := told{
		pieces: exec.PiecesVersion, version: env.Version, text: s.text, user: env.User, labels: env.Labels,
		now: env.Now, types: s.types, params: env.Params,
	}
	return t.append(nil)
}

// Work computes, for another node, a part of a statement of the rows that a source has of one partition,
// and hands what comes of it to send, piece by piece. The statement is prepared anew; if anything is
// other than there, if only the release, the error is table.ErrCannot.
//
// It does not wait for a place among the statements that run: those there wait for it, and those here
// may wait for them.
func (e *Engine) Work(ctx context.Context, from table.Source, partition uint16, w *table.Work,
	send func(piece []byte) error,
) (err error) {
	defer exec.Caught(&err)
	t, err := decodeTold(w.Statement)
	if err != nil {
		return fmt.Errorf("read a statement of another node: %w", err)
	}
	if t.pieces != exec.PiecesVersion || t.version != e.cfg.Version {
		return fmt.Errorf("%w: here is %s with pieces of version %d, there is %s with %d", table.ErrCannot,
			e.cfg.Version, exec.PiecesVersion, t.version, t.pieces)
	}
	query, _, err := e.parse(t.text)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, e.cfg.Time, sql.Errorf(sql.StateCancelled, -1,
		"the query took longer than %s", e.cfg.Time))
	defer cancel()
	memory := e.memory.Part(e.cfg.StatementBytes, "one query may take")
	defer memory.Release()
	runner := exec.New(ctx, exec.Config{Parallel: 1, Pace: e.cfg.Pace, Memory: memory})
	env := e.env(t.params, t.types, func(any, int) []expr.Row { panic(errSubquery) })
	env.Now, env.User, env.Labels = t.now, t.user, t.labels
	planned, err := plan.Plan(query, env)
	if err != nil {
		return err
	}
	part, ok := plan.FindPart(planned.Node, w.Part)
	if !ok || part.Scan.Source != e.cfg.Tables {
		return fmt.Errorf("%w: the plan has no such part here", table.ErrCannot)
	}
	return runner.Partial(part, from, partition, send)
}

// errSubquery cannot happen: parts have no subqueries, and nothing else of the plan is run.
var errSubquery = sql.Errorf(sql.StateNotSupported, -1, "a subquery of a part was to be run")

// Unread reports whether an error of Work is that the partition cannot be read here.
func (e *Engine) Unread(err error) bool {
	var unread *exec.UnreadError
	return errors.As(err, &unread)
}
