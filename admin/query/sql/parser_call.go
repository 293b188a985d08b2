package sql

// parseName reads a column or a call.
func (p *parser) parseName() Expr {
	t := p.peek()
	n := p.qualified("a name")
	if !p.op("(") {
		return &Column{At(t.pos), n}
	}
	c := p.callArgs(&Call{At: At(t.pos), Name: functionName(n)})
	return p.callSuffix(c)
}

// callArgs reads the rest of a call's parentheses.
func (p *parser) callArgs(c *Call) *Call {
	if p.op("*") {
		c.Star = true
		p.needOp(")")
		return c
	}
	if p.op(")") {
		return c
	}
	if p.word("distinct") {
		c.Distinct = true
	} else {
		p.word("all")
	}
	if p.isWord("select") {
		c.Args = []Expr{&Subquery{At(p.peek().pos), p.parseQuery()}}
	} else {
		c.Args = p.exprs()
	}
	if p.word("order") {
		p.need("by")
		c.OrderBy = p.parseOrder()
	}
	if p.isWord("ignore") || p.isWord("respect") {
		c.IgnoreNulls = p.next().text == "ignore"
		p.need("nulls")
	}
	p.needOp(")")
	return c
}

func (p *parser) callSuffix(c *Call) Expr {
	if p.isWord("within") && p.aheadWord(1, "group") {
		p.at += 2
		p.needOp("(")
		p.need("order")
		p.need("by")
		c.OrderBy = p.parseOrder()
		p.needOp(")")
	}
	if p.isWord("filter") && p.ahead(1).text == "(" {
		p.at += 2
		p.need("where")
		c.Filter = p.parseExpr()
		p.needOp(")")
	}
	if p.isWord("ignore") || p.isWord("respect") {
		c.IgnoreNulls = p.next().text == "ignore"
		p.need("nulls")
	}
	if p.word("over") {
		if p.isOp("(") {
			c.Over = p.parseWindow()
		} else {
			t := p.peek()
			c.Over = &Window{Name: p.name("a window"), Pos: t.pos}
		}
	}
	return c
}

func (p *parser) parseWindow() *Window {
	w := &Window{Pos: p.peek().pos}
	p.needOp("(")
	if t := p.peek(); t.kind == tokWord && t.text != "partition" && t.text != "order" &&
		t.text != "rows" && t.text != "range" && t.text != "groups" {
		w.Name = p.next().text
	}
	if p.word("partition") {
		p.need("by")
		w.PartitionBy = p.exprs()
	}
	if p.word("order") {
		p.need("by")
		w.OrderBy = p.parseOrder()
	}
	if p.isWord("rows") || p.isWord("range") || p.isWord("groups") {
		w.Frame = p.parseFrame()
	}
	p.needOp(")")
	return w
}

func (p *parser) parseFrame() *Frame {
	f := &Frame{Unit: p.next().text, End: Bound{Kind: "current"}}
	if !p.word("between") {
		f.Start = p.parseBound()
		return f
	}
	f.Start = p.parseBound()
	p.need("and")
	f.End = p.parseBound()
	return f
}

func (p *parser) parseBound() Bound {
	switch {
	case p.word("unbounded"):
		if p.word("preceding") {
			return Bound{Kind: "unbounded preceding"}
		}
		p.need("following")
		return Bound{Kind: "unbounded following"}
	case p.word("current"):
		p.need("row")
		return Bound{Kind: "current"}
	}
	b := Bound{Offset: p.parseOther()}
	if p.word("preceding") {
		b.Kind = "preceding"
	} else {
		p.need("following")
		b.Kind = "following"
	}
	return b
}
