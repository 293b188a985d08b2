package expr

import (
	"maps"
	"slices"
	"strings"

	"github.com/perdure/perdure/admin/query/table"
)

// Signature is how a function is called.
type Signature struct {
	Name      string
	Min, Max  int          // numbers of arguments; Max -1: any
	Args      []table.Type // AnyType: not cast; the last one counts for all that follow
	Result    table.Type   // Null: it depends on the arguments
	Aggregate bool
}

// Signatures are those of all functions, in the order of their names, and then those of all aggregates.
func Signatures() (list []Signature) {
	for _, name := range Functions() {
		f := functions[name]
		s := Signature{Name: name, Min: f.min, Max: f.max, Args: f.args, Result: f.result}
		if f.resultOf != nil {
			s.Result = table.Null
		}
		list = append(list, s)
	}
	for _, name := range slices.Sorted(maps.Keys(aggregates)) {
		a := aggregates[name]
		list = append(list, Signature{
			Name: name, Min: a.min, Max: a.max, Args: []table.Type{AnyType}, Aggregate: true,
		})
	}
	return list
}

// QuoteIdent is a name as it has to be written in SQL: in quotes, unless it needs none.
func QuoteIdent(s string) string {
	plain := s != ""
	for i, r := range s {
		letter := r == '_' || 'a' <= r && r <= 'z'
		plain = plain && (letter || i > 0 && ('0' <= r && r <= '9' || r == '$'))
	}
	if plain && !keywords[s] {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// Keywords are the words of SQL that cannot be names without quotes, sorted.
func Keywords() []string { return slices.Sorted(maps.Keys(keywords)) }

// keywords are the words of SQL that cannot be names without quotes.
var keywords = map[string]bool{
	"all": true, "and": true, "any": true, "array": true, "as": true, "asc": true, "between": true,
	"both": true, "case": true, "cast": true, "check": true, "collate": true, "column": true, "constraint": true,
	"create": true, "cross": true, "current_date": true, "current_timestamp": true, "current_user": true,
	"default": true, "desc": true, "distinct": true, "do": true, "else": true, "end": true, "except": true,
	"false": true, "fetch": true, "for": true, "foreign": true, "from": true, "full": true, "grant": true,
	"group": true, "having": true, "in": true, "inner": true, "intersect": true, "into": true, "is": true,
	"join": true, "leading": true, "left": true, "like": true, "limit": true, "natural": true, "not": true,
	"null": true, "offset": true, "on": true, "only": true, "or": true, "order": true, "outer": true,
	"primary": true, "references": true, "right": true, "select": true, "session_user": true, "some": true,
	"table": true, "then": true, "to": true, "trailing": true, "true": true, "union": true, "unique": true,
	"user": true, "using": true, "when": true, "where": true, "window": true, "with": true,
}
