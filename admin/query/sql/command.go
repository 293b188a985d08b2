package sql

import "strings"

// Command is a statement about the session instead of the tables: SET, SHOW of a setting, BEGIN.
type Command struct {
	// Verb is "begin", "commit", "rollback", "savepoint", "release", "rollback to", "set", "show",
	// "reset", "discard", "deallocate", "declare", "fetch", "move", "close", "listen" or "unlisten".
	Verb string
	// Name is the setting, savepoint, statement or cursor; "all" for all of them.
	Name string
	// Value is what a setting is set to; lists are separated by commas. Default says that there is
	// none, and Local that it holds for the transaction.
	Value          string
	Default, Local bool
	// Query is what a cursor is declared for, and At where it begins in the text. Hold says that the
	// cursor outlives the transaction.
	Query string
	At    int
	Hold  bool
	// Count is how many rows are fetched or passed over; negative: all that are left.
	Count int

	Pos int
}

// ParseCommand reads a command; nil if the text is another statement, which Parse reads.
func ParseCommand(text string) (c *Command, err error) {
	if len(text) > maxText {
		return nil, nil
	}
	tokens, err := lex(text)
	if err != nil {
		return nil, nil //nolint:nilerr // Parse says what is wrong
	}
	p := &parser{tokens: tokens}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			c, err = nil, e
		}
	}()
	for p.op(";") {
		continue
	}
	if p.peek().kind != tokWord {
		return nil, nil
	}
	c = &Command{Pos: p.peek().pos}
	if !p.command(c) {
		return nil, nil
	}
	if c.Verb == "declare" {
		c.Query = text[c.At:]
		return c, nil
	}
	for p.op(";") {
		continue
	}
	if p.peek().kind != tokEnd {
		p.unexpected("the end of the statement")
	}
	return c, nil
}

// command reads a command; false if there is none.
func (p *parser) command(c *Command) bool {
	switch t := p.peek(); t.text {
	case "begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release":
		p.at++
		p.transaction(c, t.text)
	case "set":
		p.at++
		p.set(c)
	case "show":
		p.at++
		return p.showSetting(c)
	case "reset":
		p.at++
		c.Verb, c.Name = "reset", p.settingName()
	case "discard":
		p.at++
		c.Verb, c.Name = "discard", p.name("what to discard")
	case "deallocate", "close":
		p.at++
		if t.text == "deallocate" {
			p.word("prepare")
		}
		c.Verb, c.Name = t.text, p.name("a name")
	case "declare":
		p.at++
		p.declare(c)
	case "fetch", "move":
		p.at++
		c.Verb = t.text
		p.fetch(c)
	case "listen", "unlisten":
		p.at++
		if c.Verb = t.text; !p.op("*") {
			c.Name = p.name("a channel")
		}
	default:
		return false
	}
	return true
}

func (p *parser) transaction(c *Command, word string) {
	switch word {
	case "begin", "start":
		c.Verb = "begin"
		if word == "start" {
			p.need("transaction")
		} else if !p.word("work") {
			p.word("transaction")
		}
		p.modes()
	case "commit", "end":
		c.Verb = "commit"
		p.endOfTransaction()
	case "rollback", "abort":
		c.Verb = "rollback"
		p.endOfTransaction()
		if p.word("to") {
			p.word("savepoint")
			c.Verb, c.Name = "rollback to", p.name("a savepoint")
		}
	case "savepoint":
		c.Verb, c.Name = "savepoint", p.name("a savepoint")
	case "release":
		p.word("savepoint")
		c.Verb, c.Name = "release", p.name("a savepoint")
	}
}

func (p *parser) endOfTransaction() {
	if !p.word("work") {
		p.word("transaction")
	}
	if p.word("and") {
		p.word("no")
		p.need("chain")
	}
}

// modes passes over the modes of a transaction: whatever it may do, it only reads.
func (p *parser) modes() {
	for {
		switch {
		case p.word("isolation"):
			p.need("level")
			if p.word("read") {
				p.next() // committed, uncommitted
			} else if p.word("repeatable") {
				p.need("read")
			} else {
				p.need("serializable")
			}
		case p.word("read"):
			if !p.word("write") {
				p.need("only")
			}
		case p.word("not"):
			p.need("deferrable")
		case p.word("deferrable"):
		case p.op(","):
		default:
			return
		}
	}
}

// set reads SET.
func (p *parser) set(c *Command) {
	c.Verb = "set"
	switch {
	case p.word("local"):
		c.Local = true
	case p.isWord("session") && !p.aheadWord(1, "characteristics"):
		p.at++
	}
	switch {
	case p.word("session") || p.isWord("transaction") && !p.equalsAhead(1):
		// SET SESSION CHARACTERISTICS AS TRANSACTION modes, SET TRANSACTION modes
		if p.word("characteristics") {
			p.need("as")
		}
		p.need("transaction")
		c.Name = "transaction"
		p.modes()
		return
	case p.isWord("time") && p.aheadWord(1, "zone"):
		p.at += 2
		c.Name = "timezone"
	case p.word("names"):
		c.Name = "client_encoding"
	case p.isWord("role") || p.isWord("authorization"):
		c.Name = p.next().text
	default:
		c.Name = p.settingName()
		if !p.op("=") {
			p.need("to")
		}
	}
	if p.word("default") {
		c.Default = true
		return
	}
	var list []string
	for more := true; more; more = p.op(",") {
		sign := ""
		if p.op("-") {
			sign = "-"
		}
		if p.word("interval") && p.peek().kind != tokString {
			p.unexpected("a string")
		}
		switch t := p.peek(); t.kind {
		case tokWord, tokQuoted, tokString, tokNumber:
			list = append(list, sign+p.next().text)
		default:
			p.unexpected("a value")
		}
	}
	c.Value = strings.Join(list, ", ")
}

func (p *parser) equalsAhead(n int) bool {
	t := p.ahead(n)
	return t.kind == tokOp && t.text == "=" || t.kind == tokWord && t.text == "to"
}

// settingName reads the name of a setting, ALL, TIME ZONE or SESSION AUTHORIZATION.
func (p *parser) settingName() string {
	if p.isWord("time") && p.aheadWord(1, "zone") {
		p.at += 2
		return "timezone"
	}
	if p.isWord("session") && p.aheadWord(1, "authorization") {
		p.at += 2
		return "session_authorization"
	}
	return strings.ToLower(strings.Join(p.qualified("a setting"), "."))
}

// showSetting reads SHOW of a setting; false if it shows something that the tables tell.
func (p *parser) showSetting(c *Command) bool {
	for _, w := range []string{"tables", "full", "columns", "schemas", "databases", "functions"} {
		if p.isWord(w) {
			return false
		}
	}
	c.Verb = "show"
	if p.isWord("transaction") && p.aheadWord(1, "isolation") {
		p.at += 2
		p.need("level")
		c.Name = "transaction_isolation"
		return true
	}
	c.Name = p.settingName()
	return true
}
