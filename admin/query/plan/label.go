package plan

import "github.com/perdure/perdure/admin/query/sql"

// unlabelled is what PostgreSQL calls a column that has no better name.
const unlabelled = "?column?"

// label is what PostgreSQL calls a column of an expression without an alias.
func label(x sql.Expr) string {
	switch x := x.(type) {
	case *sql.Column:
		return x.Name.Last()
	case *sql.Call:
		if x.Name == "at_time_zone" {
			return "timezone"
		}
		return x.Name
	case *sql.Extract:
		return "extract"
	case *sql.Exists:
		return "exists"
	case *sql.Array:
		return "array"
	case *sql.Field:
		return x.Name
	case *sql.Index:
		return label(x.X)
	case *sql.Cast:
		if name := label(x.X); name != unlabelled {
			return name
		}
		return x.Type
	case *sql.Literal:
		switch x.Kind {
		case "bool", "interval", "timestamp", "timestamptz", "date":
			return x.Kind
		}
	case *sql.Case:
		if x.Else != nil {
			if name := label(x.Else); name != unlabelled {
				return name
			}
		}
		return "case"
	case *sql.Subquery:
		if s, ok := x.Query.Body.(*sql.Select); ok && len(s.Items) == 1 && !s.Items[0].Star {
			if s.Items[0].Alias != "" {
				return s.Items[0].Alias
			}
			return label(s.Items[0].Expr)
		}
	}
	return unlabelled
}
