package sql

import (
	"strconv"
	"strings"
)

// Limits of what is parsed.
const (
	maxText      = 1 << 20 // bytes
	maxDepth     = 200     // of nesting
	maxOperators = 10_000  // with two sides: each may nest what follows it one deeper
	maxSets      = 500     // UNION and its like
)

// Parse parses one statement; a semicolon may follow it. An empty text gives nil.
func Parse(text string) (Statement, error) {
	if len(text) > maxText {
		return nil, Errorf(StateTooComplex, -1, "the query has %d bytes, more than %d", len(text), maxText)
	}
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	s, err := p.parse()
	if err != nil {
		return nil, err
	}
	return s, nil
}

// parser reads tokens. Its methods panic with *Error; parse catches that.
type parser struct {
	tokens    []token
	at        int
	depth     int
	operators int
	sets      int
}

func (p *parser) parse() (s Statement, err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			err = e
		}
	}()
	for p.op(";") {
		continue
	}
	if p.peek().kind == tokEnd {
		return nil, nil
	}
	s = p.parseStatement()
	for p.op(";") {
		continue
	}
	if t := p.peek(); t.kind != tokEnd {
		if p.at > 0 && p.tokens[p.at-1].text == ";" {
			panic(Errorf(StateSyntax, t.pos, "more than one statement").With("send one at a time"))
		}
		p.unexpected("the end of the statement")
	}
	return s, nil
}

func (p *parser) parseStatement() Statement {
	t := p.peek()
	switch {
	case p.word("explain"):
		e := &Explain{}
		for more := true; more; {
			switch {
			case p.word("analyze"):
				e.Analyze = true
			case p.word("verbose"):
				e.Verbose = true
			default:
				more = false
			}
		}
		if p.word("format") {
			p.name("a format")
		}
		e.Query = p.parseQuery()
		return e
	case p.word("show"):
		return p.parseShow(t.pos)
	case p.word("describe") || p.word("desc"):
		p.word("table")
		return &Describe{Table: p.qualified("a table"), Pos: t.pos}
	case p.word("table"):
		ref := &TableRef{Pos: p.peek().pos, Name: p.qualified("a table")}
		return &Query{Body: &Select{Items: []Item{{Star: true}}, From: []TableExpr{ref}}, Pos: t.pos}
	case t.kind == tokWord && changes[t.text]:
		panic(Errorf(StateReadOnly, t.pos, "%s is not possible: queries only read",
			strings.ToUpper(t.text)))
	}
	return p.parseQuery()
}

// changes are the statements that are refused for what they do.
var changes = map[string]bool{
	"insert": true, "update": true, "delete": true, "create": true, "drop": true, "alter": true,
	"truncate": true, "copy": true, "merge": true, "grant": true, "revoke": true, "vacuum": true,
	"call": true, "lock": true, "reindex": true, "comment": true, "prepare": true, "execute": true,
}

func (p *parser) parseShow(pos int) Statement {
	s := &Show{Pos: pos}
	switch {
	case p.word("tables"), p.word("full") && p.word("tables"):
		s.What = "tables"
	case p.word("columns"):
		if !p.word("from") {
			p.need("in")
		}
		s.What, s.Table = "columns", p.qualified("a table")
	case p.word("all"):
		s.All = true
	default:
		s.What = strings.Join(p.qualified("what to show"), ".")
		for p.peek().kind == tokWord { // SHOW TRANSACTION ISOLATION LEVEL
			s.What += " " + p.next().text
		}
	}
	return s
}

// parseQuery reads [WITH ...] set [ORDER BY] [LIMIT] [OFFSET].
func (p *parser) parseQuery() *Query {
	defer p.nest()()
	q := &Query{Pos: p.peek().pos}
	if p.word("with") {
		if t := p.peek(); p.word("recursive") {
			panic(Errorf(StateNotSupported, t.pos, "not supported: WITH RECURSIVE"))
		}
		for more := true; more; more = p.op(",") {
			q.With = append(q.With, p.parseCTE())
		}
	}
	q.Body = p.parseSet(0)
	if p.word("order") {
		p.need("by")
		q.OrderBy = p.parseOrder()
	}
	for {
		t := p.peek()
		switch {
		case p.word("limit"):
			if !p.word("all") && !p.word("null") {
				q.Limit = p.parseExpr()
			}
		case p.word("offset"):
			q.Offset = p.parseExpr()
			if !p.word("rows") {
				p.word("row")
			}
		case p.word("fetch"):
			if !p.word("first") {
				p.need("next")
			}
			q.Limit = &Literal{At(t.pos), "int", "1"}
			if !p.isWord("row") && !p.isWord("rows") {
				q.Limit = p.parseExpr()
			}
			if !p.word("rows") {
				p.need("row")
			}
			p.need("only")
		case p.isWord("for") && (p.aheadWord(1, "update") || p.aheadWord(1, "share")):
			panic(Errorf(StateReadOnly, t.pos, "locking rows is not possible: queries only read"))
		default:
			return q
		}
	}
}

func (p *parser) parseCTE() CTE {
	c := CTE{Pos: p.peek().pos, Name: p.name("a name")}
	if p.op("(") {
		c.Columns = p.names()
	}
	p.need("as")
	if p.word("not") {
		p.need("materialized")
	} else {
		p.word("materialized")
	}
	p.needOp("(")
	c.Query = p.parseQuery()
	p.needOp(")")
	return c
}

// parseSet reads UNION and EXCEPT, which bind less than INTERSECT.
func (p *parser) parseSet(level int) SetExpr {
	if level == 2 {
		return p.parseSetPrimary()
	}
	left := p.parseSet(level + 1)
	for {
		t := p.peek()
		op := ""
		switch {
		case level == 0 && p.word("union"):
			op = "union"
		case level == 0 && (p.word("except") || p.word("minus")):
			op = "except"
		case level == 1 && p.word("intersect"):
			op = "intersect"
		default:
			return left
		}
		if p.sets++; p.sets > maxSets {
			panic(Errorf(StateTooComplex, t.pos, "more than %d sets are combined", maxSets))
		}
		s := &SetOp{Op: op, Left: left, Pos: t.pos}
		if s.All = p.word("all"); !s.All {
			p.word("distinct")
		}
		s.Right = p.parseSet(level + 1)
		left = s
	}
}

func (p *parser) parseSetPrimary() SetExpr {
	t := p.peek()
	switch {
	case p.op("("):
		q := p.parseQuery()
		p.needOp(")")
		return q
	case p.word("values"):
		v := &Values{Pos: t.pos}
		for more := true; more; more = p.op(",") {
			p.needOp("(")
			v.Rows = append(v.Rows, p.exprs())
			p.needOp(")")
		}
		return v
	case p.word("select"):
		return p.parseSelect(t.pos)
	case p.word("table"):
		ref := &TableRef{Pos: t.pos, Name: p.qualified("a table")}
		return &Select{Items: []Item{{Star: true, Pos: t.pos}}, From: []TableExpr{ref}, Pos: t.pos}
	case p.isWord("from"):
		return p.parseSelect(t.pos)
	}
	p.unexpected("SELECT")
	return nil
}

func (p *parser) parseSelect(pos int) *Select {
	defer p.nest()()
	s := &Select{Pos: pos}
	if p.word("distinct") {
		if p.word("on") {
			p.needOp("(")
			s.DistinctOn = p.exprs()
			p.needOp(")")
		} else {
			s.Distinct = true
		}
	} else {
		p.word("all")
	}
	if !p.isWord("from") && !p.endsSelect() {
		for more := true; more; more = p.op(",") {
			s.Items = append(s.Items, p.parseItem())
		}
	} else if p.isWord("from") {
		s.Items = []Item{{Star: true, Pos: pos}}
	}
	if p.word("from") {
		for more := true; more; more = p.op(",") {
			s.From = append(s.From, p.parseTable())
		}
	}
	if p.word("where") {
		s.Where = p.parseExpr()
	}
	if p.word("group") {
		p.need("by")
		if p.word("all") {
			s.GroupByAll = true
		} else {
			s.GroupBy = p.parseGroups()
		}
	}
	if p.word("having") {
		s.Having = p.parseExpr()
	}
	if p.word("window") {
		s.Windows = map[string]*Window{}
		for more := true; more; more = p.op(",") {
			name := p.name("a window's name")
			p.need("as")
			s.Windows[name] = p.parseWindow()
		}
	}
	if t := p.peek(); p.word("qualify") {
		panic(Errorf(StateNotSupported, t.pos, "not supported: QUALIFY").
			With("filter in a query around this one"))
	}
	return s
}

// endsSelect: a SELECT may have no columns at all.
func (p *parser) endsSelect() bool {
	t := p.peek()
	return t.kind == tokEnd || t.kind == tokOp && (t.text == ")" || t.text == ";") ||
		t.kind == tokWord && (t.text == "where" || t.text == "union")
}

func (p *parser) parseGroups() []Expr {
	if t := p.peek(); t.kind == tokWord &&
		(t.text == "rollup" || t.text == "cube" || t.text == "grouping") && p.ahead(1).text == "(" {
		panic(Errorf(StateNotSupported, t.pos, "not supported: %s", strings.ToUpper(t.text)))
	}
	return p.exprs()
}

func (p *parser) parseItem() Item {
	t := p.peek()
	if p.op("*") {
		return p.starOptions(Item{Star: true, Pos: t.pos})
	}
	// name.* or name.name.*
	if mark := p.at; t.kind == tokWord || t.kind == tokQuoted {
		n := Name{p.next().text}
		for p.op(".") {
			if p.op("*") {
				return p.starOptions(Item{Star: true, Table: n, Pos: t.pos})
			}
			if k := p.peek().kind; k != tokWord && k != tokQuoted {
				break
			}
			n = append(n, p.next().text)
		}
		p.at = mark
	}
	return Item{Expr: p.parseExpr(), Alias: p.alias(), Pos: t.pos}
}

func (p *parser) starOptions(i Item) Item {
	if p.isWord("except") && p.ahead(1).text == "(" || p.isWord("exclude") {
		p.next()
		if p.op("(") {
			i.Except = p.names()
		} else {
			i.Except = []string{p.name("a column")}
		}
	}
	return i
}

// alias reads [AS] name, if it is there.
func (p *parser) alias() string {
	if p.word("as") {
		t := p.peek()
		if t.kind == tokString {
			return p.next().text
		}
		return p.name("a name")
	}
	if t := p.peek(); t.kind == tokQuoted || t.kind == tokWord && !reserved[t.text] {
		return p.next().text
	}
	return ""
}

// reserved are the words that end an expression or a table: a name without AS cannot be one of them.
var reserved = map[string]bool{
	"from": true, "where": true, "group": true, "having": true, "order": true, "limit": true,
	"offset": true, "fetch": true, "union": true, "except": true, "intersect": true, "minus": true,
	"on": true, "using": true, "join": true, "inner": true, "left": true, "right": true, "full": true,
	"cross": true, "natural": true, "as": true, "and": true, "or": true, "not": true, "is": true,
	"in": true, "like": true, "ilike": true, "between": true, "case": true, "when": true,
	"then": true, "else": true, "end": true, "asc": true, "desc": true, "nulls": true,
	"window": true, "for": true, "select": true, "with": true, "similar": true, "collate": true,
	"filter": true, "over": true, "qualify": true, "semi": true, "anti": true, "lateral": true,
	"tablesample": true, "values": true, "set": true, "returning": true, "operator": true,
	"isnull": true, "notnull": true, "at": true, "rlike": true, "regexp": true, "div": true,
}

func (p *parser) parseTable() TableExpr {
	defer p.nest()()
	left := p.parseTablePrimary()
	for {
		t := p.peek()
		j := &Join{Left: left, Pos: t.pos, Natural: p.word("natural")}
		switch {
		case p.word("cross"):
			j.Kind = "cross"
		case p.word("inner"):
			j.Kind = "inner"
		case p.word("left"):
			j.Kind = "left"
			p.word("outer")
			if p.word("semi") {
				j.Kind = "semi"
			} else if p.word("anti") {
				j.Kind = "anti"
			}
		case p.word("right"):
			j.Kind = "right"
			p.word("outer")
		case p.word("full"):
			j.Kind = "full"
			p.word("outer")
		case p.isWord("join"):
			j.Kind = "inner"
		default:
			if j.Natural {
				p.unexpected("JOIN")
			}
			return left
		}
		p.need("join")
		j.Right = p.parseTablePrimary()
		p.joinCondition(j)
		left = j
	}
}

func (p *parser) joinCondition(j *Join) {
	switch {
	case j.Kind == "cross" || j.Natural:
	case p.word("on"):
		j.On = p.parseExpr()
	case p.word("using"):
		p.needOp("(")
		j.Using = p.names()
	default:
		p.unexpected("ON or USING")
	}
}

func (p *parser) parseTablePrimary() TableExpr {
	t := p.peek()
	lateral := p.word("lateral")
	if p.op("(") {
		if p.isWord("select") || p.isWord("with") || p.isWord("values") || p.nestedQuery() {
			q := p.parseQuery()
			p.needOp(")")
			d := &Derived{Query: q, Lateral: lateral, Pos: t.pos}
			d.Alias, d.Columns = p.tableAlias()
			return d
		}
		inner := p.parseTable()
		p.needOp(")")
		return inner
	}
	if p.word("values") {
		p.at--
		d := &Derived{Query: &Query{Body: p.parseSetPrimary(), Pos: t.pos}, Pos: t.pos}
		d.Alias, d.Columns = p.tableAlias()
		return d
	}
	n := p.qualified("a table")
	if p.op("(") {
		f := &TableFunc{Call: p.callArgs(&Call{At: At(t.pos), Name: functionName(n)}), Pos: t.pos}
		if p.word("with") {
			p.need("ordinality")
			panic(Errorf(StateNotSupported, t.pos, "not supported: WITH ORDINALITY"))
		}
		f.Alias, f.Columns = p.tableAlias()
		return f
	}
	ref := &TableRef{Name: n, Pos: t.pos}
	ref.Alias, ref.Columns = p.tableAlias()
	if p.isWord("tablesample") {
		panic(Errorf(StateNotSupported, p.peek().pos, "not supported: TABLESAMPLE"))
	}
	return ref
}

// nestedQuery looks behind open parentheses for a query.
func (p *parser) nestedQuery() bool {
	for i := p.at; i < len(p.tokens); i++ {
		t := p.tokens[i]
		if t.kind == tokOp && t.text == "(" {
			continue
		}
		return i > p.at && t.kind == tokWord && (t.text == "select" || t.text == "with")
	}
	return false
}

func (p *parser) tableAlias() (alias string, columns []string) {
	if alias = p.alias(); alias != "" && p.op("(") {
		columns = p.names()
	}
	return alias, columns
}

func (p *parser) parseOrder() (list []Order) {
	for more := true; more; more = p.op(",") {
		o := Order{Expr: p.parseExpr()}
		if p.word("desc") {
			o.Desc = true
		} else {
			p.word("asc")
		}
		if p.word("nulls") {
			first := p.word("first")
			if !first {
				p.need("last")
			}
			o.NullsFirst = &first
		}
		list = append(list, o)
	}
	return list
}

// Small steps.

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) ahead(n int) token { return p.tokens[min(p.at+n, len(p.tokens)-1)] }

func (p *parser) aheadWord(n int, w string) bool {
	t := p.ahead(n)
	return t.kind == tokWord && t.text == w
}

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != tokEnd {
		p.at++
	}
	return t
}

func (p *parser) isWord(w string) bool { return p.aheadWord(0, w) }

// word takes a keyword if it comes next.
func (p *parser) word(w string) bool {
	if p.isWord(w) {
		p.at++
		return true
	}
	return false
}

func (p *parser) need(w string) {
	if !p.word(w) {
		p.unexpected(strings.ToUpper(w))
	}
}

func (p *parser) isOp(op string) bool {
	t := p.peek()
	return t.kind == tokOp && t.text == op
}

func (p *parser) op(op string) bool {
	if p.isOp(op) {
		p.at++
		return true
	}
	return false
}

func (p *parser) needOp(op string) {
	if !p.op(op) {
		p.unexpected("\"" + op + "\"")
	}
}

func (p *parser) unexpected(want string) {
	t := p.peek()
	found := strconv.Quote(t.raw)
	if t.kind == tokEnd {
		found = "the end"
	}
	panic(Errorf(StateSyntax, t.pos, "syntax error: found %s, expected %s", found, want))
}

// name reads a name; almost every keyword may be one where it can be nothing else.
func (p *parser) name(what string) string {
	if t := p.peek(); t.kind == tokWord || t.kind == tokQuoted {
		return p.next().text
	}
	p.unexpected(what)
	return ""
}

func (p *parser) qualified(what string) Name {
	n := Name{p.name(what)}
	for p.isOp(".") && (p.ahead(1).kind == tokWord || p.ahead(1).kind == tokQuoted) {
		p.at++
		n = append(n, p.next().text)
	}
	return n
}

// names reads the rest of a list of names in parentheses.
func (p *parser) names() (list []string) {
	for more := true; more; more = p.op(",") {
		list = append(list, p.name("a name"))
	}
	p.needOp(")")
	return list
}

// nest bounds how deep the text is nested; what it returns ends the level.
func (p *parser) nest() func() {
	if p.depth++; p.depth > maxDepth {
		panic(Errorf(StateTooComplex, p.peek().pos, "the query is nested more than %d deep", maxDepth))
	}
	return func() { p.depth-- }
}

// operator makes an operator of two sides.
func (p *parser) operator(at At, op string, x, y Expr) *Binary {
	if p.operators++; p.operators > maxOperators {
		panic(Errorf(StateTooComplex, int(at), "the query has more than %d operators", maxOperators).
			With("IN (...) takes as many values as you like"))
	}
	return &Binary{at, op, x, y}
}

func functionName(n Name) string {
	if len(n) > 1 && (n[0] == "pg_catalog" || n[0] == "information_schema") {
		return strings.Join(n[1:], ".")
	}
	return strings.Join(n, ".")
}
