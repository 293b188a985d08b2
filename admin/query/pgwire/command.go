package pgwire

import (
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/perdure/perdure/admin/query/sql"
)

// tagOf is what a client is told when a command has been done.
func tagOf(d *sql.Command) string {
	switch d.Verb {
	case "deallocate", "discard":
		if d.Verb == "discard" || d.Name == "all" {
			return strings.ToUpper(d.Verb + " " + d.Name)
		}
	case "close":
		return "CLOSE CURSOR"
	case "declare":
		return "DECLARE CURSOR"
	case "rollback to":
		return "ROLLBACK"
	}
	return strings.ToUpper(d.Verb)
}

// command does what is about the session.
func (c *session) command(d *sql.Command) error {
	tag := tagOf(d)
	var err error
	switch d.Verb {
	case "begin", "commit", "rollback", "savepoint", "release", "rollback to":
		tag, err = c.transaction(d)
	case "set":
		err = c.set(d)
	case "show":
		err = c.show(d.Name, d.Pos)
	case "reset":
		if err = c.settings.reset(d.Name); err == nil {
			c.reportAll()
		}
	case "discard":
		err = c.discard(d)
	case "deallocate":
		err = c.deallocate(d.Name)
	case "close":
		err = c.closeCursor(d)
	case "listen":
		err = sql.Errorf(sql.StateNotSupported, d.Pos, "LISTEN is not supported: nothing is ever notified")
	}
	if err != nil {
		return err
	}
	c.send(&pgproto3.CommandComplete{CommandTag: []byte(tag)})
	return nil
}

// transaction begins and ends transactions. As nothing is written, they only hold a session together:
// portals, and settings that are undone.
func (c *session) transaction(d *sql.Command) (tag string, err error) {
	tag = tagOf(d)
	switch d.Verb {
	case "begin":
		if c.tx != txIdle {
			c.notice(stateActiveBlock, "WARNING", "there is a transaction already")
			return tag, nil
		}
		c.settings.begin()
		c.tx = txActive
	case "commit", "rollback":
		if c.tx == txIdle {
			c.notice(stateNoBlock, "WARNING", "there is no transaction")
			return tag, nil
		}
		if c.tx == txFailed {
			tag = "ROLLBACK"
		}
		c.settings.end(tag != "ROLLBACK")
		c.tx = txIdle
		c.endPortals(tag == "COMMIT")
		c.reportAll()
	default: // savepoints
		if c.tx == txIdle {
			return tag, sql.Errorf(stateNoBlock, d.Pos, "%s is for transactions, and there is none",
				strings.ToUpper(d.Verb))
		}
		if d.Verb == "rollback to" {
			c.tx = txActive
		}
	}
	return tag, nil
}

func (c *session) set(d *sql.Command) error {
	switch d.Name {
	case "transaction", "role", "session_authorization", "authorization":
		return nil // whoever it is, and whatever it may: it only reads
	}
	value := d.Value
	if d.Default {
		if err := c.settings.reset(d.Name); err != nil {
			return err
		}
		c.reportAll()
		return nil
	}
	notice, err := c.settings.set(d.Name, value, d.Local)
	if err != nil {
		return err
	}
	if notice != "" {
		c.notice("01000", "WARNING", notice)
	}
	c.report(d.Name)
	return nil
}

// report tells the client what a setting is now, if it is one that clients want to hear of and has
// changed.
func (c *session) report(name string) {
	value, _ := c.settings.get(name)
	if slices.Contains(reported, name) && c.told[name] != value {
		c.send(&pgproto3.ParameterStatus{Name: spelled(name), Value: value})
		c.told[name] = value
	}
}

func (c *session) reportAll() {
	for _, name := range reported {
		c.report(name)
	}
}

func (c *session) show(name string, pos int) error {
	if name == "all" {
		for _, s := range c.settings.all() {
			c.send(&pgproto3.DataRow{Values: [][]byte{[]byte(s[0]), []byte(s[1])}})
		}
		return nil
	}
	value, ok := c.settings.get(name)
	if !ok {
		return sql.Errorf(stateNoSetting, pos, "there is no setting %q", name).With("SHOW ALL lists them")
	}
	c.send(&pgproto3.DataRow{Values: [][]byte{[]byte(value)}})
	return nil
}

func (c *session) discard(d *sql.Command) error {
	switch d.Name {
	case "all":
		if c.tx != txIdle {
			return sql.Errorf(stateActiveBlock, d.Pos, "DISCARD ALL cannot run in a transaction")
		}
		c.closePortals(false)
		c.statements, c.textBytes = map[string]*statement{}, 0
		if err := c.settings.reset("all"); err != nil {
			return err
		}
		c.reportAll()
	case "plans", "sequences", "temp", "temporary":
	default:
		return sql.Errorf(sql.StateSyntax, d.Pos, "DISCARD ALL, PLANS, SEQUENCES or TEMP")
	}
	return nil
}

func (c *session) deallocate(name string) error {
	if name == "all" {
		for n := range c.statements {
			c.drop(n)
		}
		return nil
	}
	if _, err := c.find(name); err != nil {
		return err
	}
	c.drop(name)
	return nil
}
