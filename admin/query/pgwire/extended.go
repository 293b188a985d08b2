package pgwire

import (
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/perdure/perdure/admin/query"
	"github.com/perdure/perdure/admin/query/pgwire/pgcatalog"
	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// What one session may keep.
const (
	maxStatements = 5000
	maxTextBytes  = 16 << 20 // of all its statements
	maxPortals    = 1000
)

// statement is a statement that was prepared. At most one of prepared and command is set; with none
// of them the text is empty.
type statement struct {
	text     string
	prepared *query.Statement
	command  *sql.Command
	cursor   *statement // that the command declares, or fetches from
	oids     []uint32   // of its parameters
}

// columns are those of its rows; nil if it gives none.
func (s *statement) columns() []query.Column {
	switch {
	case s.prepared != nil:
		return s.prepared.Columns
	case s.command != nil && s.command.Verb == "fetch":
		return s.cursor.columns()
	case s.command != nil && s.command.Verb == "show" && s.command.Name == "all":
		return []query.Column{{Name: "name", Type: table.String}, {Name: "setting", Type: table.String}}
	case s.command != nil && s.command.Verb == "show":
		return []query.Column{{Name: spelled(s.command.Name), Type: table.String}}
	}
	return nil
}

// prepare makes a statement of a text with one.
func (c *session) prepare(text string, oids []uint32) (*statement, error) {
	st := &statement{text: text}
	command, err := sql.ParseCommand(text)
	if err != nil {
		return nil, err
	}
	if command != nil {
		st.command = command
	}
	if c.tx == txFailed && (command == nil ||
		!slices.Contains([]string{"commit", "rollback", "rollback to"}, command.Verb)) {
		return nil, sql.Errorf(stateFailedBlock, -1, "the transaction has failed before").
			With("ROLLBACK ends it")
	}
	switch {
	case command == nil:
		err = c.prepareQuery(st, oids)
	case command.Verb == "declare":
		err = c.prepareCursor(st, oids)
	case command.Verb == "fetch" || command.Verb == "move":
		err = c.prepareFetch(st)
	}
	if err != nil {
		return nil, err
	}
	return st, nil
}

// prepareQuery prepares a statement that is a query, or empty.
func (c *session) prepareQuery(st *statement, oids []uint32) error {
	types := make([]table.Type, len(oids))
	for i, oid := range oids {
		types[i] = pgcatalog.Type(oid)
	}
	prepared, err := c.engine.Prepare(st.text, types...)
	if errors.Is(err, query.ErrEmpty) {
		return nil
	}
	if err != nil {
		return err
	}
	st.prepared = prepared
	for i, t := range st.prepared.Params {
		if i < len(oids) && oids[i] != 0 && types[i] != table.Null {
			st.oids = append(st.oids, oids[i])
		} else {
			st.oids = append(st.oids, pgcatalog.OID(t))
		}
	}
	return nil
}

// query is the statement that its parameters are for.
func (s *statement) query() *query.Statement {
	if s.cursor != nil {
		return s.cursor.prepared
	}
	return s.prepared
}

func (c *session) parse(m *pgproto3.Parse) error {
	if m.Name != "" && c.statements[m.Name] != nil {
		return sql.Errorf(stateStmtExists, -1, "there is a prepared statement %q already", m.Name)
	}
	parts := sql.Split(m.Query)
	if len(parts) > 1 {
		return sql.Errorf(sql.StateSyntax, parts[1].Start, "a prepared statement is one statement").
			With("send them one at a time, or as a simple query")
	}
	st, err := c.prepare(m.Query, m.ParameterOIDs)
	if err != nil {
		return err
	}
	c.drop(m.Name)
	if len(c.statements) >= maxStatements || c.textBytes+len(m.Query) > maxTextBytes {
		return sql.Errorf(stateTooMany, -1, "there are too many prepared statements in this session").
			With("DEALLOCATE those that are not needed")
	}
	c.statements[m.Name] = st
	c.textBytes += len(st.text)
	c.send(&pgproto3.ParseComplete{})
	return nil
}

// drop forgets a statement.
func (c *session) drop(name string) {
	if st := c.statements[name]; st != nil {
		c.textBytes -= len(st.text)
		delete(c.statements, name)
	}
}

func (c *session) find(name string) (*statement, error) {
	if st := c.statements[name]; st != nil {
		return st, nil
	}
	return nil, sql.Errorf(stateNoStatement, -1, "there is no prepared statement %q", name)
}

func (c *session) bind(m *pgproto3.Bind) (text string, err error) {
	st, err := c.find(m.PreparedStatement)
	if err != nil {
		return "", err
	}
	if err := c.usable(st); err != nil {
		return "", err
	}
	if m.DestinationPortal != "" && c.portals[m.DestinationPortal] != nil {
		return "", sql.Errorf(stateCursorExists, -1, "there is a portal %q already", m.DestinationPortal)
	}
	if len(m.Parameters) != len(st.oids) {
		return "", protocolError("%d parameters were given, and the statement has %d", len(m.Parameters),
			len(st.oids))
	}
	p := &portal{statement: st, formats: slices.Clone(m.ResultFormatCodes)}
	if p.formats, err = formats(p.formats, len(st.columns())); err != nil {
		return "", err
	}
	given, err := formats(m.ParameterFormatCodes, len(m.Parameters))
	if err != nil {
		return "", err
	}
	for i, raw := range m.Parameters {
		v, err := param(i+1, st.oids[i], given[i], raw, st.query().Params[i])
		if err != nil {
			return st.text, err
		}
		p.params = append(p.params, v)
	}
	c.closePortal(m.DestinationPortal)
	if len(c.portals) >= maxPortals {
		return "", sql.Errorf(stateTooMany, -1, "there are too many portals in this session").With("close some")
	}
	c.portals[m.DestinationPortal] = p
	c.send(&pgproto3.BindComplete{})
	return "", nil
}

// usable: in a transaction that has failed only what ends it can run.
func (c *session) usable(st *statement) error {
	if c.tx != txFailed || st.command != nil && (st.command.Verb == "commit" ||
		strings.HasPrefix(st.command.Verb, "rollback")) {
		return nil
	}
	return sql.Errorf(stateFailedBlock, -1, "the transaction has failed before").With("ROLLBACK ends it")
}

// formats are the formats of n values: none given are text, and one counts for all.
func formats(given []int16, n int) ([]int16, error) {
	for _, f := range given {
		if f != textFormat && f != binaryFormat {
			return nil, protocolError("there is no format %d", f)
		}
	}
	list := make([]int16, n)
	switch len(given) {
	case 0:
	case 1:
		for i := range list {
			list[i] = given[0]
		}
	case n:
		copy(list, given)
	default:
		return nil, protocolError("%d formats were given for %d values", len(given), n)
	}
	return list, nil
}

func (c *session) describe(m *pgproto3.Describe) error {
	if m.ObjectType == 'P' {
		p := c.portals[m.Name]
		if p == nil {
			return sql.Errorf(stateNoCursor, -1, "there is no portal %q", m.Name)
		}
		c.describeRows(p.statement, p.formats)
		return nil
	}
	st, err := c.find(m.Name)
	if err != nil {
		return err
	}
	c.send(&pgproto3.ParameterDescription{ParameterOIDs: st.oids})
	c.describeRows(st, nil)
	return nil
}

func (c *session) describeRows(st *statement, formats []int16) {
	if columns := st.columns(); columns != nil {
		c.send(description(columns, formats))
	} else {
		c.send(&pgproto3.NoData{})
	}
}

// description tells what columns are; without formats they are text, or it is not known yet.
func description(columns []query.Column, formats []int16) *pgproto3.RowDescription {
	d := &pgproto3.RowDescription{Fields: make([]pgproto3.FieldDescription, len(columns))}
	for i, col := range columns {
		oid := pgcatalog.OID(col.Type)
		f := pgproto3.FieldDescription{
			Name: []byte(strings.ReplaceAll(col.Name, "\x00", "")), DataTypeOID: oid,
			DataTypeSize: pgcatalog.Size(oid), TypeModifier: -1,
		}
		if formats != nil {
			f.Format = formats[i]
		}
		d.Fields[i] = f
	}
	return d
}

func (c *session) execute(m *pgproto3.Execute) (text string, err error) {
	p := c.portals[m.Portal]
	if p == nil {
		return "", sql.Errorf(stateNoCursor, -1, "there is no portal %q", m.Portal)
	}
	if err := c.usable(p.statement); err != nil {
		return "", err
	}
	return p.statement.text, c.runPortal(p, int(m.MaxRows))
}

func (c *session) closeNamed(m *pgproto3.Close) error {
	if m.ObjectType == 'P' {
		c.closePortal(m.Name)
	} else {
		c.drop(m.Name)
	}
	c.send(&pgproto3.CloseComplete{})
	return nil
}
