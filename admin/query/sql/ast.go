package sql

// Statement is what a client may ask for: *Query, *Explain, *Show or *Describe.
type Statement interface{ statement() }

// Explain asks for the plan of a query.
type Explain struct {
	Query            *Query
	Analyze, Verbose bool
}

// Show asks for tables, for the columns of one, or for a setting.
type Show struct {
	What  string // "tables", "columns", "databases", "schemas", "functions", or a setting's name
	Table Name   // of columns
	All   bool   // settings: all of them
	Pos   int
}

// Describe asks for the columns of a table.
type Describe struct {
	Table Name
	Pos   int
}

func (*Query) statement()    {}
func (*Explain) statement()  {}
func (*Show) statement()     {}
func (*Describe) statement() {}

// Name is a name with what qualifies it, outermost first.
type Name []string

// Last is the name itself.
func (n Name) Last() string { return n[len(n)-1] }

// Query is a set expression with what goes before and after it.
type Query struct {
	With          []CTE
	Body          SetExpr
	OrderBy       []Order
	Limit, Offset Expr // nil: none
	Pos           int
}

// CTE is one WITH query.
type CTE struct {
	Name    string
	Columns []string
	Query   *Query
	Pos     int
}

// SetExpr is *Select, *SetOp, *Values or *Query (in parentheses).
type SetExpr interface{ setExpr() }

// SetOp combines two sets of rows.
type SetOp struct {
	Op          string // "union", "except", "intersect"
	All         bool
	Left, Right SetExpr
	Pos         int
}

// Values is a list of rows.
type Values struct {
	Rows [][]Expr
	Pos  int
}

// Select is one SELECT.
type Select struct {
	Distinct   bool
	DistinctOn []Expr
	Items      []Item
	From       []TableExpr // joined crosswise
	Where      Expr
	GroupBy    []Expr
	GroupByAll bool
	Having     Expr
	Windows    map[string]*Window
	Pos        int
}

func (*Query) setExpr()  {}
func (*SetOp) setExpr()  {}
func (*Values) setExpr() {}
func (*Select) setExpr() {}

// Item is one column of a SELECT: an expression, or all columns of a table.
type Item struct {
	Expr   Expr
	Alias  string
	Star   bool
	Table  Name     // of a star
	Except []string // of a star
	Pos    int
}

// TableExpr is *TableRef, *Derived, *Join or *TableFunc.
type TableExpr interface{ tableExpr() }

// TableRef names a table or a WITH query.
type TableRef struct {
	Name    Name
	Alias   string
	Columns []string
	Pos     int
}

// Derived is a query in the place of a table.
type Derived struct {
	Query   *Query
	Alias   string
	Columns []string
	Lateral bool
	Pos     int
}

// TableFunc is a function in the place of a table.
type TableFunc struct {
	Call    *Call
	Alias   string
	Columns []string
	Pos     int
}

// Join joins two tables.
type Join struct {
	Kind        string // "inner", "left", "right", "full", "cross", "semi", "anti"
	Left, Right TableExpr
	On          Expr
	Using       []string
	Natural     bool
	Pos         int
}

func (*TableRef) tableExpr()  {}
func (*Derived) tableExpr()   {}
func (*TableFunc) tableExpr() {}
func (*Join) tableExpr()      {}

// Order is one item of ORDER BY.
type Order struct {
	Expr       Expr
	Desc       bool
	NullsFirst *bool // nil: as the direction has it
}

// Expr is an expression.
type Expr interface{ Position() int }

// At is where an expression begins.
type At int

// Position implements Expr.
func (a At) Position() int { return int(a) }

// Expressions.
type (
	// Column names a column.
	Column struct {
		At
		Name Name
	}
	// Literal is a constant: "null", "bool", "int", "float", "string" or "interval" or a type name
	// in front of a string ("timestamp").
	Literal struct {
		At
		Kind, Text string
	}
	// Param is a parameter, from 1.
	Param struct {
		At
		Number int
	}
	// Unary is -x, +x, NOT x or ~x.
	Unary struct {
		At
		Op string
		X  Expr
	}
	// Binary is x op y; Op is in lower case.
	Binary struct {
		At
		Op   string
		X, Y Expr
	}
	// Is is x IS [NOT] what: "null", "true", "false", "unknown".
	Is struct {
		At
		X    Expr
		What string
		Not  bool
	}
	// Like is x [NOT] LIKE, ILIKE or SIMILAR TO.
	Like struct {
		At
		Op         string
		X, Pattern Expr
		Escape     string
		Not        bool
	}
	// Between is x [NOT] BETWEEN low AND high.
	Between struct {
		At
		X, Low, High Expr
		Not          bool
	}
	// In is x [NOT] IN (list) or IN (query).
	In struct {
		At
		X     Expr
		List  []Expr
		Query *Query
		Not   bool
	}
	// Exists is [NOT] EXISTS (query).
	Exists struct {
		At
		Query *Query
	}
	// Subquery is a query that gives one value.
	Subquery struct {
		At
		Query *Query
	}
	// Quantified is x op ANY (list or query).
	Quantified struct {
		At
		Op    string
		X     Expr
		All   bool
		List  Expr
		Query *Query
	}
	// Case is CASE.
	Case struct {
		At
		Operand Expr
		Whens   []When
		Else    Expr
	}
	// Cast is CAST(x AS type), x::type and TRY_CAST.
	Cast struct {
		At
		X    Expr
		Type string
		Try  bool
	}
	// Call is a function, with what aggregates and windows add.
	Call struct {
		At
		Name     string
		Args     []Expr
		Star     bool
		Distinct bool
		OrderBy  []Order
		Filter   Expr
		Over     *Window
		// IgnoreNulls of window functions.
		IgnoreNulls bool
	}
	// Extract is EXTRACT(field FROM x).
	Extract struct {
		At
		Field string
		X     Expr
	}
	// Array is [x, ...].
	Array struct {
		At
		Items []Expr
	}
	// Field is (x).name.
	Field struct {
		At
		X    Expr
		Name string
	}
	// Index is x[i].
	Index struct {
		At
		X, I Expr
	}
)

// When is one branch of a CASE.
type When struct{ If, Then Expr }

// Window is what a window function looks at.
type Window struct {
	Name        string // of a WINDOW clause; empty: as given here
	PartitionBy []Expr
	OrderBy     []Order
	Frame       *Frame
	Pos         int
}

// Frame says which rows around the current one count.
type Frame struct {
	Unit       string // "rows", "range", "groups"
	Start, End Bound
}

// Bound is one end of a frame.
type Bound struct {
	Kind   string // "unbounded preceding", "preceding", "current", "following", "unbounded following"
	Offset Expr
}
