package sql

import "strconv"

// StateForwardOnly is SQLSTATE of going backwards in a cursor.
const StateForwardOnly = "55000"

// declare reads DECLARE name ... CURSOR ... FOR, up to the query.
func (p *parser) declare(c *Command) {
	c.Verb, c.Name = "declare", p.name("a name for the cursor")
	for !p.word("cursor") {
		t := p.peek()
		switch {
		case p.word("binary"):
			panic(Errorf(StateNotSupported, t.pos, "not supported: BINARY cursors").
				With("bind the FETCH with binary results"))
		case p.word("insensitive"), p.word("asensitive"):
		case p.word("no"):
			p.need("scroll")
		case p.word("scroll"):
			panic(forwardOnly(t.pos))
		default:
			p.unexpected("CURSOR")
		}
	}
	if p.word("with") {
		c.Hold = true
		p.need("hold")
	} else if p.word("without") {
		p.need("hold")
	}
	p.need("for")
	c.At = p.peek().pos
}

func forwardOnly(pos int) *Error {
	return Errorf(StateForwardOnly, pos, "cursors go forwards only").
		With("FETCH NEXT, FETCH n, FETCH FORWARD n or FETCH ALL")
}

// fetch reads how many rows, and of which cursor.
func (p *parser) fetch(c *Command) {
	c.Count = 1
	switch t := p.peek(); {
	case p.word("next"):
	case p.word("forward"):
		p.fetchCount(c)
	case p.isWord("prior"), p.isWord("backward"), p.isWord("first"), p.isWord("last"),
		p.isWord("absolute"), p.isWord("relative"):
		if following := p.ahead(1); following.kind == tokEnd || following.text == ";" {
			break // the cursor's name
		}
		panic(forwardOnly(t.pos))
	default:
		p.fetchCount(c)
	}
	if !p.word("from") {
		p.word("in")
	}
	c.Name = p.name("a cursor")
}

// fetchCount reads a number of rows, or ALL; there need not be one.
func (p *parser) fetchCount(c *Command) {
	t := p.peek()
	switch {
	case p.word("all"):
		c.Count = -1
	case p.isOp("-"):
		panic(forwardOnly(t.pos))
	case t.kind == tokNumber:
		p.at++
		n, err := strconv.Atoi(t.text)
		if err != nil {
			panic(Errorf(StateSyntax, t.pos, "%s is no number of rows", t.text))
		}
		if n == 0 {
			panic(forwardOnly(t.pos)) // the last row once more
		}
		c.Count = n
	}
}
