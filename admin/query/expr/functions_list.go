package expr

import (
	"strings"

	"github.com/perdure/perdure/admin/query/table"
)

func init() {
	elem := func(args []*Expr) table.Type { t, _ := args[0].Type.Elem(); return t }
	same := func(args []*Expr) table.Type { return args[0].Type }
	register("make_array|array", function{min: 0, max: -1, nullable: true,
		resultOf: func(args []*Expr) table.Type {
			t := table.Null
			for _, a := range args {
				t, _ = CommonType(t, a.Type)
			}
			return table.List | t
		},
		fn: func(v []table.Value) table.Value { return listOf(append([]table.Value{}, v...)) }})
	register("array_length|cardinality|list_length|array_size", function{min: 1, max: 2,
		result: table.Uint64, fn: func(v []table.Value) table.Value {
			return table.Value{Type: table.Uint64, Int: int64(len(v[0].List))}
		}})
	bound := func(name string, fn func(n int) int) {
		register(name, function{min: 2, max: 2, args: types(anyType, table.Int64), result: table.Int64,
			fn: func(v []table.Value) table.Value {
				if v[1].Int != 1 || len(v[0].List) == 0 {
					return table.Value{} // lists have one dimension, and empty ones none
				}
				return table.Integer(int64(fn(len(v[0].List))))
			}})
	}
	bound("array_lower", func(int) int { return 1 })
	bound("array_upper", func(n int) int { return n })
	register("array_has|array_contains|list_has|list_contains", function{min: 2, max: 2,
		result: table.Bool, fn: func(v []table.Value) table.Value { return table.Truth(has(v[0].List, &v[1])) }})
	register("array_has_all", function{min: 2, max: 2, result: table.Bool,
		fn: func(v []table.Value) table.Value {
			for i := range v[1].List {
				if !has(v[0].List, &v[1].List[i]) {
					return table.Truth(false)
				}
			}
			return table.Truth(true)
		}})
	register("array_has_any", function{min: 2, max: 2, result: table.Bool,
		fn: func(v []table.Value) table.Value {
			for i := range v[1].List {
				if has(v[0].List, &v[1].List[i]) {
					return table.Truth(true)
				}
			}
			return table.Truth(false)
		}})
	register("array_element|list_element|array_extract", function{min: 2, max: 2,
		args: types(anyType, table.Int64), resultOf: elem,
		fn: func(v []table.Value) table.Value {
			i := v[1].Int
			if i < 0 {
				i += int64(len(v[0].List)) + 1
			}
			if i < 1 || i > int64(len(v[0].List)) {
				return table.Value{}
			}
			return v[0].List[i-1]
		}})
	register("array_position|list_position", function{min: 2, max: 2, result: table.Uint64,
		fn: func(v []table.Value) table.Value {
			for i := range v[0].List {
				if x := &v[0].List[i]; x.Type != table.Null && Compare(x, &v[1]) == 0 {
					return table.Value{Type: table.Uint64, Int: int64(i + 1)}
				}
			}
			return table.Value{}
		}})
	register("array_append|list_append", function{min: 2, max: 2, nullable: true, resultOf: same,
		fn: func(v []table.Value) table.Value {
			return listOf(append(append([]table.Value{}, v[0].List...), v[1]))
		}})
	register("array_remove|list_remove_all|array_remove_all", function{min: 2, max: 2, nullable: true,
		resultOf: same, fn: func(v []table.Value) table.Value {
			if v[0].Type == table.Null {
				return v[0]
			}
			out := table.Value{Type: v[0].Type}
			for _, x := range v[0].List {
				if CompareNulls(&x, &v[1], false) != 0 {
					out.List = append(out.List, x)
				}
			}
			return out
		}})
	register("array_to_string|list_to_string|array_join", function{min: 2, max: 2,
		args: types(anyType, table.String), result: table.String, fn: func(v []table.Value) table.Value {
			var parts []string
			for i := range v[0].List {
				if v[0].List[i].Type != table.Null {
					parts = append(parts, Text(&v[0].List[i]))
				}
			}
			return joined(parts, v[1].Str)
		}})
	register("string_to_array|string_to_list", function{min: 2, max: 2, args: types(table.String),
		result: table.ListString, fn: func(v []table.Value) table.Value {
			list := table.Value{Type: table.ListString}
			for _, s := range strings.Split(v[0].Str, v[1].Str) {
				list.List = append(list.List, table.Text(s))
			}
			return list
		}})
	register("empty", function{min: 1, max: 1, result: table.Bool,
		fn: func(v []table.Value) table.Value { return table.Truth(len(v[0].List) == 0) }})
}

func listOf(list []table.Value) table.Value {
	v := table.Value{Type: table.List, List: list}
	for i := range list {
		if list[i].Type != table.Null {
			v.Type = table.List | list[i].Type
			break
		}
	}
	return v
}

func has(list []table.Value, x *table.Value) bool {
	for i := range list {
		if list[i].Type != table.Null && x.Type != table.Null && Compare(&list[i], x) == 0 {
			return true
		}
	}
	return false
}
