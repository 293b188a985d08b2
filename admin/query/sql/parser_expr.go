package sql

import (
	"strconv"
	"strings"
)

func (p *parser) exprs() (list []Expr) {
	for more := true; more; more = p.op(",") {
		list = append(list, p.parseExpr())
	}
	return list
}

func (p *parser) parseExpr() Expr {
	defer p.nest()()
	return p.parseOr()
}

func (p *parser) parseOr() Expr {
	x := p.parseAnd()
	for {
		t := p.peek()
		if !p.word("or") {
			return x
		}
		x = p.operator(At(t.pos), "or", x, p.parseAnd())
	}
}

func (p *parser) parseAnd() Expr {
	x := p.parseNot()
	for {
		t := p.peek()
		if !p.word("and") {
			return x
		}
		x = p.operator(At(t.pos), "and", x, p.parseNot())
	}
}

func (p *parser) parseNot() Expr {
	defer p.nest()()
	t := p.peek()
	if p.isWord("not") {
		p.at++
		return &Unary{At(t.pos), "not", p.parseNot()}
	}
	return p.parseComparison()
}

var comparisons = map[string]string{
	"=": "=", "==": "=", "<>": "!=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=",
}

// parseComparison reads comparisons and IS, which bind less than all other operators.
func (p *parser) parseComparison() Expr {
	x := p.parsePredicate()
	for {
		t := p.peek()
		switch {
		case t.kind == tokOp && comparisons[t.text] != "":
			p.at++
			x = p.compareTo(t, comparisons[t.text], x)
		case p.word("isnull"):
			x = &Is{At(t.pos), x, "null", false}
		case p.word("notnull"):
			x = &Is{At(t.pos), x, "null", true}
		case p.word("is"):
			x = p.parseIs(t, x)
		default:
			return x
		}
	}
}

func (p *parser) compareTo(t token, op string, x Expr) Expr {
	if q := p.quantified(t, op, x); q != nil {
		return q
	}
	return p.operator(At(t.pos), op, x, p.parsePredicate())
}

// quantified reads ANY (...) or ALL (...) behind an operator; nil if it is not there.
func (p *parser) quantified(t token, op string, x Expr) Expr {
	if (p.isWord("any") || p.isWord("some") || p.isWord("all")) && p.ahead(1).text == "(" {
		q := &Quantified{At: At(t.pos), Op: op, X: x, All: p.next().text == "all"}
		p.needOp("(")
		if p.isWord("select") || p.isWord("with") {
			q.Query = p.parseQuery()
		} else {
			q.List = p.parseExpr()
		}
		p.needOp(")")
		return q
	}
	return nil
}

func (p *parser) parseIs(t token, x Expr) Expr {
	not := p.word("not")
	if p.word("distinct") {
		p.need("from")
		op := "is distinct from"
		if not {
			op = "is not distinct from"
		}
		return p.operator(At(t.pos), op, x, p.parsePredicate())
	}
	for _, what := range []string{"null", "true", "false", "unknown"} {
		if p.word(what) {
			return &Is{At(t.pos), x, what, not}
		}
	}
	p.unexpected("NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM")
	return nil
}

// parsePredicate reads LIKE, IN and BETWEEN.
func (p *parser) parsePredicate() Expr {
	x := p.parseOther()
	for {
		t, mark := p.peek(), p.at
		not := p.word("not")
		switch {
		case p.isWord("like") || p.isWord("ilike"):
			x = p.parseLike(&Like{At: At(t.pos), Op: p.next().text, X: x, Not: not})
		case p.word("similar"):
			p.need("to")
			x = p.parseLike(&Like{At: At(t.pos), Op: "similar to", X: x, Not: not})
		case p.word("rlike") || p.word("regexp"):
			x = p.operator(At(t.pos), "~", x, p.parseOther())
			if not {
				x = &Unary{At(t.pos), "not", x}
			}
		case p.word("between"):
			if !p.word("symmetric") {
				p.word("asymmetric")
			}
			b := &Between{At: At(t.pos), X: x, Not: not, Low: p.parseOther()}
			p.need("and")
			b.High = p.parseOther()
			x = b
		case p.word("in"):
			x = p.parseIn(&In{At: At(t.pos), X: x, Not: not})
		default:
			p.at = mark
			return x
		}
	}
}

func (p *parser) parseLike(l *Like) Expr {
	l.Pattern = p.parseOther()
	if p.word("escape") {
		t := p.next()
		if t.kind != tokString || len(t.text) != 1 {
			panic(Errorf(StateInvalidValue, t.pos, "ESCAPE takes one character"))
		}
		l.Escape = t.text
	}
	return l
}

func (p *parser) parseIn(in *In) Expr {
	p.needOp("(")
	switch {
	case p.isWord("select") || p.isWord("with") || p.nestedQuery():
		in.Query = p.parseQuery()
	case !p.isOp(")"):
		in.List = p.exprs()
	}
	p.needOp(")")
	return in
}

var otherOperators = map[string]string{
	"||": "||", "~": "~", "~*": "~*", "!~": "!~", "!~*": "!~*", "~~": "~~", "!~~": "!~~",
	"~~*": "~~*", "!~~*": "!~~*", "&": "&", "|": "|", "#": "#", "<<": "<<", ">>": ">>", "@>": "@>",
	"<@": "<@", "->": "->", "->>": "->>",
}

// parseOther reads the operators between comparisons and sums.
func (p *parser) parseOther() Expr {
	x := p.parseSum()
	for {
		t := p.peek()
		if t.kind == tokOp && otherOperators[t.text] != "" {
			p.at++
			x = p.operate(t, otherOperators[t.text], x)
			continue
		}
		if p.isWord("operator") && p.ahead(1).text == "(" { // OPERATOR(pg_catalog.~)
			x = p.parseOperator(t, x)
			continue
		}
		if p.isWord("collate") {
			p.at++
			p.qualified("a collation")
			continue
		}
		return x
	}
}

func (p *parser) parseOperator(t token, x Expr) Expr {
	p.at += 2
	for p.peek().kind == tokWord && p.ahead(1).text == "." {
		p.at += 2
	}
	op := p.next()
	p.needOp(")")
	if cmp := comparisons[op.text]; cmp != "" {
		return p.operate(t, cmp, x)
	}
	if other := otherOperators[op.text]; other != "" {
		return p.operate(t, other, x)
	}
	panic(Errorf(StateNotSupported, op.pos, "not supported: the operator %s", op.raw))
}

// operate reads what follows an operator of the middle level.
func (p *parser) operate(t token, op string, x Expr) Expr {
	if q := p.quantified(t, op, x); q != nil {
		return q
	}
	return p.operator(At(t.pos), op, x, p.parseSum())
}

func (p *parser) parseSum() Expr {
	x := p.parseProduct()
	for {
		t := p.peek()
		if !p.op("+") && !p.op("-") {
			return x
		}
		x = p.operator(At(t.pos), t.text, x, p.parseProduct())
	}
}

func (p *parser) parseProduct() Expr {
	x := p.parsePower()
	for {
		t := p.peek()
		switch {
		case p.op("*"), p.op("/"), p.op("%"):
			x = p.operator(At(t.pos), t.text, x, p.parsePower())
		case p.word("div"):
			x = p.operator(At(t.pos), "/", x, p.parsePower())
		default:
			return x
		}
	}
}

func (p *parser) parsePower() Expr {
	x := p.parseUnary()
	for {
		t := p.peek()
		if !p.op("^") {
			return x
		}
		x = p.operator(At(t.pos), "^", x, p.parseUnary())
	}
}

func (p *parser) parseUnary() Expr {
	defer p.nest()()
	t := p.peek()
	switch {
	case p.op("-"):
		return &Unary{At(t.pos), "-", p.parseUnary()}
	case p.op("+"):
		return p.parseUnary()
	case p.op("~"):
		return &Unary{At(t.pos), "~", p.parseUnary()}
	}
	return p.parsePostfix(p.parsePrimary())
}

// parsePostfix reads ::type, [index], AT TIME ZONE and .field.
func (p *parser) parsePostfix(x Expr) Expr {
	for {
		t := p.peek()
		switch {
		case p.op("::"):
			x = &Cast{At: At(t.pos), X: x, Type: p.parseType()}
		case p.op("."):
			x = &Field{At(t.pos), x, p.name("a field")}
		case p.op("["):
			x = &Index{At(t.pos), x, p.parseExpr()}
			p.needOp("]")
		case p.isWord("at") && p.aheadWord(1, "time"):
			p.at += 2
			p.need("zone")
			x = &Call{At: At(t.pos), Name: "at_time_zone", Args: []Expr{x, p.parseUnary()}}
		default:
			return x
		}
	}
}

// parseType reads the name of a type, and drops what does not matter: its length and precision.
func (p *parser) parseType() string {
	n := p.qualified("a type")
	name := n.Last()
	switch {
	case name == "double" && p.word("precision"):
	case name == "character" || name == "char":
		p.word("varying")
		name = "varchar"
	case name == "bigint" && p.word("unsigned"):
		name = "bigint unsigned"
	case (name == "int" || name == "integer") && p.word("unsigned"):
		name = "int unsigned"
	}
	if p.op("(") {
		for !p.op(")") {
			if p.next().kind == tokEnd {
				p.unexpected("\")\"")
			}
		}
	}
	if name == "timestamp" || name == "time" {
		if p.word("with") || p.word("without") {
			p.need("time")
			p.need("zone")
		}
	}
	for p.op("[") {
		p.needOp("]")
		name += "[]"
	}
	return name
}

func (p *parser) parsePrimary() Expr {
	t := p.peek()
	at := At(t.pos)
	switch t.kind {
	case tokString:
		p.at++
		return &Literal{at, "string", t.text}
	case tokNumber:
		p.at++
		if strings.ContainsAny(t.text, ".eE") {
			return &Literal{at, "float", t.text}
		}
		return &Literal{at, "int", t.text}
	case tokParam:
		p.at++
		n, err := strconv.Atoi(t.text)
		if err != nil || n < 1 || n > 65535 {
			panic(Errorf(StateSyntax, t.pos, "there is no parameter $%s", t.text))
		}
		return &Param{at, n}
	case tokQuoted:
		return p.parseName()
	case tokWord:
		return p.parseWord(t)
	}
	if p.op("(") {
		return p.parseParenthesis(at)
	}
	if p.op("[") {
		a := &Array{At: at}
		if !p.isOp("]") {
			a.Items = p.exprs()
		}
		p.needOp("]")
		return a
	}
	p.unexpected("an expression")
	return nil
}

func (p *parser) parseParenthesis(at At) Expr {
	if p.isWord("select") || p.isWord("with") || p.isWord("values") || p.nestedQuery() {
		q := p.parseQuery()
		p.needOp(")")
		return &Subquery{at, q}
	}
	x := p.parseExpr()
	if p.isOp(",") {
		panic(Errorf(StateNotSupported, int(at), "not supported: rows of several values").
			With("compare the values one by one, joined by AND"))
	}
	p.needOp(")")
	return x
}

// parseWord reads what begins with a word: a keyword's construct, a literal, a call, a column.
func (p *parser) parseWord(t token) Expr {
	at := At(t.pos)
	following := p.ahead(1)
	call := following.kind == tokOp && following.text == "("
	switch t.text {
	case "null":
		p.at++
		return &Literal{at, "null", ""}
	case "true", "false":
		p.at++
		return &Literal{at, "bool", t.text}
	case "case":
		if !call || !p.plainName() {
			p.at++
			return p.parseCase(at)
		}
	case "interval", "timestamp", "date", "timestamptz", "time":
		if following.kind == tokString {
			p.at += 2
			l := &Literal{at, t.text, following.text}
			if t.text == "interval" && p.intervalUnit() {
				l.Text += " " + p.next().text
			}
			return l
		}
	case "array":
		if following.text == "[" {
			p.at++
			return p.parsePrimary()
		}
	}
	if call {
		if x := p.parseSpecial(t, at); x != nil {
			return x
		}
	}
	switch t.text {
	case "current_timestamp", "current_date", "current_user", "session_user", "user",
		"current_schema", "current_catalog", "localtimestamp", "current_role":
		if !call && following.text != "." {
			p.at++
			return &Call{At: at, Name: t.text}
		}
	}
	if clauses[t.text] && !p.plainName() && (!call || t.text != "left" && t.text != "right") {
		p.unexpected("an expression")
	}
	return p.parseName()
}

// clauses are the reserved words that begin or go on with something else where an expression could
// stand; all others may be the name of a column.
var clauses = map[string]bool{
	"from": true, "where": true, "group": true, "having": true, "order": true, "limit": true,
	"offset": true, "fetch": true, "union": true, "except": true, "intersect": true, "on": true,
	"using": true, "join": true, "inner": true, "left": true, "right": true, "full": true,
	"cross": true, "natural": true, "as": true, "and": true, "or": true, "not": true, "is": true,
	"in": true, "like": true, "ilike": true, "between": true, "when": true, "then": true,
	"else": true, "end": true, "select": true, "with": true, "case": true,
}

// plainName: a reserved word is a name if a dot or a comparison follows it.
func (p *parser) plainName() bool {
	t := p.ahead(1)
	return t.kind == tokOp && (t.text == "." || comparisons[t.text] != "")
}

func (p *parser) intervalUnit() bool {
	t := p.peek()
	return t.kind == tokWord && intervalUnits[strings.TrimSuffix(t.text, "s")]
}

var intervalUnits = map[string]bool{
	"year": true, "month": true, "week": true, "day": true, "hour": true, "minute": true,
	"second": true, "millisecond": true,
}

// parseSpecial reads the functions with a grammar of their own; nil if t is none.
func (p *parser) parseSpecial(t token, at At) Expr {
	switch t.text {
	case "cast", "try_cast", "safe_cast":
		p.at += 2
		c := &Cast{At: at, X: p.parseExpr(), Try: t.text != "cast"}
		p.need("as")
		c.Type = p.parseType()
		p.needOp(")")
		return c
	case "extract":
		p.at += 2
		field := p.next()
		p.need("from")
		e := &Extract{at, strings.ToLower(field.text), p.parseExpr()}
		p.needOp(")")
		return e
	case "exists":
		p.at += 2
		e := &Exists{at, p.parseQuery()}
		p.needOp(")")
		return e
	case "array":
		if p.ahead(2).text == "select" {
			p.at += 2
			q := p.parseQuery()
			p.needOp(")")
			return &Call{At: at, Name: "array", Args: []Expr{&Subquery{at, q}}}
		}
	case "substring", "position", "trim", "overlay":
		return p.parseTextFunction(t, at)
	}
	return nil
}

// parseTextFunction reads SUBSTRING(x FROM a FOR b), POSITION(a IN b) and TRIM(BOTH a FROM b); nil if
// it is written as a call.
func (p *parser) parseTextFunction(t token, at At) Expr {
	mark := p.at
	p.at += 2
	c := &Call{At: at, Name: t.text}
	side := ""
	if t.text == "trim" {
		for _, s := range []string{"both", "leading", "trailing"} {
			if p.word(s) {
				side = s
			}
		}
		if side != "" && p.word("from") {
			c.Args = []Expr{p.parseExpr()}
			p.needOp(")")
			return trimCall(c, side)
		}
	}
	first := p.parseOther()
	switch {
	case t.text == "position" && p.word("in"):
		c.Name, c.Args = "strpos", []Expr{p.parseExpr(), first}
	case t.text == "substring" && p.word("from"):
		c.Name, c.Args = "substr", []Expr{first, p.parseExpr()}
		if p.word("for") {
			c.Args = append(c.Args, p.parseExpr())
		}
	case t.text == "trim" && p.word("from"):
		c.Args = []Expr{p.parseExpr(), first}
		c = trimCall(c, side)
	case t.text == "trim" && side != "":
		c.Args = []Expr{first}
		c = trimCall(c, side)
	default:
		p.at = mark
		return nil
	}
	p.needOp(")")
	return c
}

func trimCall(c *Call, side string) *Call {
	c.Name = map[string]string{"leading": "ltrim", "trailing": "rtrim"}[side]
	if c.Name == "" {
		c.Name = "btrim"
	}
	return c
}

func (p *parser) parseCase(at At) Expr {
	c := &Case{At: at}
	if !p.isWord("when") {
		c.Operand = p.parseExpr()
	}
	for p.word("when") {
		w := When{If: p.parseExpr()}
		p.need("then")
		w.Then = p.parseExpr()
		c.Whens = append(c.Whens, w)
	}
	if len(c.Whens) == 0 {
		p.unexpected("WHEN")
	}
	if p.word("else") {
		c.Else = p.parseExpr()
	}
	p.need("end")
	return c
}
