package pgwire

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/perdure/perdure/admin/query"
	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// portal is a statement with its parameters, about to run, running, or done.
type portal struct {
	statement *statement
	params    []table.Value
	formats   []int16 // of the columns; nil: text
	done      bool
	hold      bool // it outlives its transaction
	kept      bool // it has

	// rows are set once a part of them was asked for: the query then runs in a goroutine of its own,
	// which waits for somebody to take the next one. Closed when there are no more; failed is why.
	rows   chan []table.Value
	failed error
	cancel context.CancelCauseFunc
	slot   chan struct{} // given back when it ends
}

// errPortalClosed ends a query whose rows nobody wants any more.
var errPortalClosed = sql.Errorf(sql.StateCancelled, -1, "the portal was closed")

// close ends the portal's query and waits until it has ended.
func (p *portal) close() {
	if p.rows == nil {
		return
	}
	p.cancel(errPortalClosed)
	for range p.rows {
		continue
	}
	p.rows = nil
	<-p.slot
}

func (c *session) closePortal(name string) {
	if p := c.portals[name]; p != nil {
		p.close()
		delete(c.portals, name)
	}
}

// closePortals closes all portals; keep leaves those that have outlived their transactions.
func (c *session) closePortals(keep bool) {
	for name, p := range c.portals {
		if !keep || !p.kept {
			c.closePortal(name)
		}
	}
}

// endPortals closes the portals of a transaction that ends, up to those that are held if it succeeded.
func (c *session) endPortals(committed bool) {
	for _, p := range c.portals {
		p.kept = p.kept || p.hold && committed
	}
	c.closePortals(true)
}

// runPortal runs a portal, or goes on with it, and sends at most limit rows if that is not 0.
func (c *session) runPortal(p *portal, limit int) error {
	st := p.statement
	switch {
	case st.command != nil:
		if p.done {
			c.send(&pgproto3.CommandComplete{CommandTag: []byte(tagOf(st.command))})
			return nil
		}
		p.done = true
		switch st.command.Verb {
		case "declare":
			if err := c.declare(p); err != nil {
				return err
			}
		case "fetch", "move":
			return c.fetchSQL(p)
		}
		return c.command(st.command)
	case st.prepared == nil:
		c.send(&pgproto3.EmptyQueryResponse{})
		return nil
	case p.done:
		c.complete(p, 0)
		return nil
	case limit > 0 || p.rows != nil:
		return c.fetch(p, limit)
	}
	ctx, cancel := c.context()
	defer cancel(nil)
	c.busy(cancel)
	defer c.busy(nil)
	count := 0
	err := st.prepared.Run(ctx, p.params, func(row []table.Value) error {
		count++
		return c.sendRow(st.prepared.Columns, p.formats, row)
	})
	p.done = true
	if err != nil {
		return err
	}
	c.complete(p, count)
	return nil
}

// context is for one query: it ends with the session, or when it takes longer than the client wants.
func (c *session) context() (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(c.ctx)
	d := c.settings.statementTimeout()
	if d == 0 {
		return ctx, cancel
	}
	ctx, stop := context.WithTimeoutCause(ctx, d, sql.Errorf(sql.StateCancelled, -1,
		"the statement took longer than statement_timeout, %s", d))
	return ctx, func(cause error) {
		cancel(cause)
		stop()
	}
}

// complete says that a query has ended.
func (c *session) complete(p *portal, count int) {
	tag := fmt.Sprintf("SELECT %d", count)
	word, _, _ := strings.Cut(strings.TrimSpace(p.statement.text), " ")
	if word = strings.ToUpper(word); word == "EXPLAIN" || word == "SHOW" {
		tag = word
	}
	c.send(&pgproto3.CommandComplete{CommandTag: []byte(tag)})
}

// fetch sends the next rows of a portal; without a limit all that are left.
func (c *session) fetch(p *portal, limit int) error {
	if limit == 0 {
		limit = -1
	}
	count, err := c.take(p, limit, func(row []table.Value) error {
		return c.sendRow(p.statement.prepared.Columns, p.formats, row)
	})
	switch {
	case err != nil:
		return err
	case p.done:
		c.complete(p, count)
	default:
		c.send(&pgproto3.PortalSuspended{})
	}
	return nil
}

// take gives the next rows of a portal to send, all that are left if limit is negative, and counts
// them. The portal is done when there were no more.
func (c *session) take(p *portal, limit int, send func(row []table.Value) error) (count int, err error) {
	if p.rows == nil {
		if err := c.begin(p); err != nil {
			return 0, err
		}
	}
	c.busy(p.cancel)
	defer c.busy(nil)
	for ; limit < 0 || count < limit; count++ {
		row, more := <-p.rows
		if !more {
			p.done, p.rows = true, nil
			<-p.slot
			return count, p.failed
		}
		if err := send(row); err != nil {
			return count, err
		}
	}
	return count, nil
}

// begin starts the query of a portal whose rows are taken in parts.
func (c *session) begin(p *portal) error {
	p.slot = c.server.cursors
	select {
	case p.slot <- struct{}{}:
	default:
		return sql.Errorf(sql.StateTooManyQueries, -1, "%d results wait for clients to fetch their rows, and no "+
			"more may", cap(p.slot)).With("fetch all rows at once, or raise admin.postgres.cursors-limit")
	}
	ctx, cancel := c.context()
	p.cancel = cancel
	rows := make(chan []table.Value)
	p.rows = rows
	go func() {
		defer close(rows)
		p.failed = p.statement.prepared.Run(ctx, p.params, func(row []table.Value) error {
			select {
			case rows <- slices.Clone(row):
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
		cancel(nil)
	}()
	return nil
}

// sendRow sends a row, now or with others.
func (c *session) sendRow(columns []query.Column, formats []int16, row []table.Value) error {
	c.row, c.ends = c.row[:0], c.ends[:0]
	for i := range columns {
		v := fitted(row[i], columns[i].Type)
		switch {
		case v.Type == table.Null:
			c.ends = append(c.ends, -1)
			continue
		case formats != nil && formats[i] == binaryFormat:
			c.row = appendBinary(c.row, &v)
		default:
			c.row = appendText(c.row, &v)
		}
		c.ends = append(c.ends, len(c.row))
	}
	c.cells = c.cells[:0]
	start := 0
	for _, end := range c.ends {
		if end < 0 {
			c.cells = append(c.cells, nil)
			continue
		}
		c.cells = append(c.cells, c.row[start:end:end])
		start = end
	}
	c.backend.Send(&pgproto3.DataRow{Values: c.cells})
	if c.unsent += len(c.row) + 4*len(columns) + 8; c.unsent < flushBytes {
		return nil
	}
	return c.flush()
}
