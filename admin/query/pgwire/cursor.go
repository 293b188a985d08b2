package pgwire

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// Cursors that are declared in SQL are portals with a name. Those WITH HOLD outlive their transaction,
// but not if it is rolled back.

// stateOutsideTx is SQLSTATE of what only a transaction can have.
const stateOutsideTx = "25P01"

// prepareCursor prepares the query that a cursor is declared for.
func (c *session) prepareCursor(st *statement, oids []uint32) error {
	d := st.command
	inner := &statement{text: d.Query}
	if err := c.prepareQuery(inner, oids); err != nil {
		var told *sql.Error
		if errors.As(err, &told) && told.Position >= 0 {
			moved := *told
			moved.Position += d.At
			return &moved
		}
		return err
	}
	if inner.prepared == nil {
		return sql.Errorf(sql.StateSyntax, d.At, "a cursor needs a query")
	}
	st.cursor, st.oids = inner, inner.oids
	return nil
}

// prepareFetch finds the cursor whose rows are wanted.
func (c *session) prepareFetch(st *statement) error {
	p, err := c.cursor(st.command)
	if err == nil {
		st.cursor = p.statement
	}
	return err
}

func (c *session) cursor(d *sql.Command) (*portal, error) {
	if p := c.portals[d.Name]; p != nil && p.statement.prepared != nil {
		return p, nil
	}
	return nil, sql.Errorf(stateNoCursor, d.Pos, "there is no cursor %q", d.Name)
}

// declare makes a cursor. Its query runs from the first FETCH on.
func (c *session) declare(by *portal) error {
	d := by.statement.command
	switch {
	case c.portals[d.Name] != nil:
		return sql.Errorf(stateCursorExists, d.Pos, "there is a cursor %q already", d.Name)
	case c.tx == txIdle && !d.Hold:
		return sql.Errorf(stateOutsideTx, d.Pos, "a cursor lives as long as its transaction, and there is none").
			With("BEGIN first, or declare it WITH HOLD")
	case len(c.portals) >= maxPortals:
		return sql.Errorf(stateTooMany, d.Pos, "there are too many cursors in this session").With("close some")
	}
	p := &portal{statement: by.statement.cursor, params: by.params, hold: d.Hold, kept: d.Hold && c.tx == txIdle}
	c.portals[d.Name] = p
	return nil
}

// fetchSQL sends the next rows of a cursor, or passes over them, and says how many.
func (c *session) fetchSQL(by *portal) error {
	d := by.statement.command
	p, err := c.cursor(d)
	if err != nil {
		return err
	}
	columns := p.statement.columns()
	if !slices.Equal(columns, by.statement.cursor.columns()) { // declared anew since the FETCH was prepared
		return sql.Errorf(sql.StateNotSupported, d.Pos, "the cursor %q has other columns by now", d.Name).
			With("prepare the FETCH again")
	}
	send := func([]table.Value) error { return nil }
	if d.Verb == "fetch" {
		send = func(row []table.Value) error { return c.sendRow(columns, by.formats, row) }
	}
	count, err := 0, p.failed
	if !p.done {
		count, err = c.take(p, d.Count, send)
	}
	if err != nil {
		return err
	}
	c.send(&pgproto3.CommandComplete{CommandTag: []byte(strings.ToUpper(d.Verb) + " " + strconv.Itoa(count))})
	return nil
}

// closeCursor closes one cursor, or all portals.
func (c *session) closeCursor(d *sql.Command) error {
	if d.Name == "all" {
		c.closePortals(false)
		return nil
	}
	if c.portals[d.Name] == nil {
		return sql.Errorf(stateNoCursor, d.Pos, "there is no cursor %q", d.Name)
	}
	c.closePortal(d.Name)
	return nil
}
