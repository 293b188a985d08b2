package expr

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// types is a list of types, for readability.
func types(t ...table.Type) []table.Type { return t }

// text registers a function from text to text.
func text(names string, fn func(string) string) {
	register(names, function{min: 1, max: 1, args: types(table.String), result: table.String,
		fn: func(v []table.Value) table.Value { return table.Text(fn(v[0].Str)) }})
}

// measure registers a function from text to a number.
func measure(names string, fn func(string) int) {
	register(names, function{min: 1, max: 1, args: types(anyType), result: table.Int64,
		fn: func(v []table.Value) table.Value {
			if v[0].Type == table.Binary {
				return table.Integer(int64(len(v[0].Str)))
			}
			return table.Integer(int64(fn(Text(&v[0]))))
		}})
}

// real1 registers a function of floats.
func real1(names string, fn func(float64) float64) {
	register(names, function{min: 1, max: 1, args: types(table.Float64), result: table.Float64,
		fn: func(v []table.Value) table.Value { return table.Real(fn(v[0].Float())) }})
}

func init() {
	registerText()
	registerParts()
	registerRegexp()
	registerNumbers()
	registerChoice()
}

func registerText() {
	text("upper", strings.ToUpper)
	text("lower", strings.ToLower)
	text("reverse", func(s string) string {
		r := []rune(s)
		for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
			r[i], r[j] = r[j], r[i]
		}
		return string(r)
	})
	text("initcap", func(s string) string {
		up := true
		return strings.Map(func(r rune) rune {
			word := r == '_' || r >= '0' && r <= '9' || strings.ToUpper(string(r)) != strings.ToLower(string(r))
			c := string(r)
			if up {
				c = strings.ToUpper(c)
			} else {
				c = strings.ToLower(c)
			}
			up = !word
			out, _ := utf8.DecodeRuneInString(c)
			return out
		}, s)
	})
	text("md5", func(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) })
	text("quote_ident", QuoteIdent)
	register("format", function{min: 1, max: -1, nullable: true, result: table.String, fn: formatted})
	text("quote_literal", func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" })
	measure("length|char_length|character_length", utf8.RuneCountInString)
	measure("octet_length", func(s string) int { return len(s) })
	measure("bit_length", func(s string) int { return 8 * len(s) })
	measure("ascii", func(s string) int { r, _ := utf8.DecodeRuneInString(s); return int(r) * min(len(s), 1) })
	register("chr", function{min: 1, max: 1, args: types(table.Int64), result: table.String,
		fn: func(v []table.Value) table.Value { return table.Text(string(rune(v[0].Int))) }})
	register("sha256", function{min: 1, max: 1, args: types(table.String), result: table.Binary,
		fn: func(v []table.Value) table.Value {
			h := sha256.Sum256([]byte(v[0].Str))
			return table.Value{Type: table.Binary, Str: string(h[:])}
		}})
	register("concat", function{min: 0, max: -1, result: table.String, nullable: true,
		fn: func(v []table.Value) table.Value {
			parts := make([]string, len(v))
			for i := range v {
				parts[i] = Text(&v[i])
			}
			return joined(parts, "")
		}})
	register("concat_ws", function{min: 1, max: -1, result: table.String, nullable: true,
		fn: func(v []table.Value) table.Value {
			if v[0].Type == table.Null {
				return table.Value{}
			}
			var parts []string
			for i := range v[1:] {
				if v[i+1].Type != table.Null {
					parts = append(parts, Text(&v[i+1]))
				}
			}
			return joined(parts, Text(&v[0]))
		}})
	register("encode", function{min: 2, max: 2, args: types(table.Binary, table.String),
		result: table.String, fn: func(v []table.Value) table.Value { return encode(v[0].Str, v[1].Str) }})
	register("decode", function{min: 2, max: 2, args: types(table.String, table.String),
		result: table.Binary, fn: func(v []table.Value) table.Value { return decode(v[0].Str, v[1].Str) }})
	register("to_hex", function{min: 1, max: 1, args: types(table.Int64), result: table.String,
		fn: func(v []table.Value) table.Value { return table.Text(strconv.FormatUint(uint64(v[0].Int), 16)) }})
}

// formatted fills %s, %I and %L, also with a position as %1$s, and %%.
func formatted(v []table.Value) table.Value {
	if v[0].Type == table.Null {
		return v[0]
	}
	next := 0
	parts := formatPart.ReplaceAllStringFunc(Text(&v[0]), func(part string) string {
		m := formatPart.FindStringSubmatch(part)
		if m[2] == "%" {
			return "%"
		}
		if next++; m[1] != "" {
			next, _ = strconv.Atoi(m[1])
		}
		if next < 1 || next >= len(v) {
			fail(sql.StateInvalidValue, "format has too few arguments for %s", part)
		}
		x := v[next]
		switch {
		case m[2] == "I" && x.Type == table.Null:
			fail("22004", "format cannot make a name of NULL")
		case m[2] == "I":
			return QuoteIdent(Text(&x))
		case m[2] == "L" && x.Type == table.Null:
			return "NULL"
		case m[2] == "L":
			return "'" + strings.ReplaceAll(Text(&x), "'", "''") + "'"
		}
		return Text(&x)
	})
	return table.Text(limited(parts))
}

var formatPart = regexp.MustCompile(`%(?:(\d{1,4})\$)?([sIL%])`)

func encode(s, how string) table.Value {
	switch how {
	case "hex":
		return table.Text(hex.EncodeToString([]byte(s)))
	case "base64":
		return table.Text(base64.RawStdEncoding.EncodeToString([]byte(s)))
	case "escape", "utf8":
		return table.Text(strings.ToValidUTF8(s, "\ufffd"))
	}
	fail(sql.StateInvalidValue, "there is no encoding %q: hex, base64 or escape", how)
	return table.Value{}
}

func decode(s, how string) table.Value {
	var b []byte
	var err error
	switch how {
	case "hex":
		b, err = hex.DecodeString(s)
	case "base64":
		b, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	default:
		fail(sql.StateInvalidValue, "there is no encoding %q: hex or base64", how)
	}
	if err != nil {
		fail(sql.StateInvalidValue, "cannot decode %q as %s", short(s), how)
	}
	return table.Value{Type: table.Binary, Str: string(b)}
}

func registerParts() {
	register("substr|substring", function{min: 2, max: 3, args: types(table.String, table.Int64),
		result: table.String, fn: substr})
	register("left", function{min: 2, max: 2, args: types(table.String, table.Int64),
		result: table.String, fn: func(v []table.Value) table.Value {
			r := []rune(v[0].Str)
			return table.Text(string(r[:clampEnd(v[1].Int, len(r))]))
		}})
	register("right", function{min: 2, max: 2, args: types(table.String, table.Int64),
		result: table.String, fn: func(v []table.Value) table.Value {
			r := []rune(v[0].Str)
			return table.Text(string(r[len(r)-clampEnd(v[1].Int, len(r)):]))
		}})
	register("split_part", function{min: 3, max: 3,
		args: types(table.String, table.String, table.Int64), result: table.String, fn: splitPart})
	register("strpos|instr|position", function{min: 2, max: 2, args: types(table.String),
		result: table.Int64, fn: func(v []table.Value) table.Value {
			i := strings.Index(v[0].Str, v[1].Str)
			if i < 0 {
				return table.Integer(0)
			}
			return table.Integer(int64(utf8.RuneCountInString(v[0].Str[:i]) + 1))
		}})
	pair := func(names string, result table.Type, fn func(a, b string) table.Value) {
		register(names, function{min: 2, max: 2, args: types(table.String), result: result,
			fn: func(v []table.Value) table.Value { return fn(v[0].Str, v[1].Str) }})
	}
	pair("starts_with", table.Bool, func(a, b string) table.Value { return table.Truth(strings.HasPrefix(a, b)) })
	pair("ends_with", table.Bool, func(a, b string) table.Value { return table.Truth(strings.HasSuffix(a, b)) })
	pair("contains", table.Bool, func(a, b string) table.Value { return table.Truth(strings.Contains(a, b)) })
	pair("levenshtein", table.Int64, func(a, b string) table.Value { return table.Integer(int64(Distance(a, b))) })
	register("replace", function{min: 3, max: 3, args: types(table.String), result: table.String,
		fn: func(v []table.Value) table.Value {
			times := int64(strings.Count(v[0].Str, v[1].Str))
			fits(int64(len(v[0].Str)) + times*int64(len(v[2].Str)-len(v[1].Str)))
			return table.Text(strings.ReplaceAll(v[0].Str, v[1].Str, v[2].Str))
		}})
	register("translate", function{min: 3, max: 3, args: types(table.String), result: table.String,
		fn: translate})
	register("repeat", function{min: 2, max: 2, args: types(table.String, table.Int64),
		result: table.String, fn: func(v []table.Value) table.Value {
			n := max(v[1].Int, 0)
			if len(v[0].Str) > 0 && n > maxString/int64(len(v[0].Str)) {
				fail(sql.StateMemory, "the text would be longer than %d bytes", maxString)
			}
			return table.Text(strings.Repeat(v[0].Str, int(n)))
		}})
	trim := func(names string, fn func(s, cut string) string) {
		register(names, function{min: 1, max: 2, args: types(table.String), result: table.String,
			fn: func(v []table.Value) table.Value {
				cut := " "
				if len(v) == 2 {
					cut = v[1].Str
				}
				return table.Text(fn(v[0].Str, cut))
			}})
	}
	trim("trim|btrim", strings.Trim)
	trim("ltrim", strings.TrimLeft)
	trim("rtrim", strings.TrimRight)
	register("lpad", function{min: 2, max: 3, args: types(table.String, table.Int64, table.String),
		result: table.String, fn: func(v []table.Value) table.Value { return pad(v, true) }})
	register("rpad", function{min: 2, max: 3, args: types(table.String, table.Int64, table.String),
		result: table.String, fn: func(v []table.Value) table.Value { return pad(v, false) }})
}

// maxString bounds what functions make of little.
const maxString = 16 << 20

func limited(s string) string {
	fits(int64(len(s)))
	return s
}

// fits fails before a text is made that is too long.
func fits(bytes int64) {
	if bytes > maxString {
		fail(sql.StateMemory, "a text would be longer than %d bytes", maxString)
	}
}

// joined joins texts.
func joined(parts []string, between string) table.Value {
	n := int64(len(parts)) * int64(len(between))
	for _, p := range parts {
		n += int64(len(p))
	}
	fits(n)
	return table.Text(strings.Join(parts, between))
}

// clampEnd is how many of n letters are meant; a negative number means all but that many.
func clampEnd(want int64, n int) int {
	if want < 0 {
		want += int64(n)
	}
	return int(min(max(want, 0), int64(n)))
}

// substr counts letters from 1; what lies before the first one counts too.
func substr(v []table.Value) table.Value {
	r := []rune(v[0].Str)
	start := v[1].Int - 1
	end := int64(len(r))
	if len(v) == 3 {
		if v[2].Int < 0 {
			fail(sql.StateInvalidValue, "substr cannot take %d letters", v[2].Int)
		}
		if v[2].Int < end-start {
			end = start + v[2].Int
		}
	}
	start, end = min(max(start, 0), int64(len(r))), min(max(end, 0), int64(len(r)))
	return table.Text(string(r[start:max(start, end)]))
}

func splitPart(v []table.Value) table.Value {
	parts := strings.Split(v[0].Str, v[1].Str)
	i := v[2].Int
	if i < 0 {
		i += int64(len(parts)) + 1
	}
	if i < 1 || i > int64(len(parts)) {
		return table.Text("")
	}
	return table.Text(parts[i-1])
}

func translate(v []table.Value) table.Value {
	from, to := []rune(v[1].Str), []rune(v[2].Str)
	return table.Text(strings.Map(func(r rune) rune {
		for i, f := range from {
			if f == r {
				if i < len(to) {
					return to[i]
				}
				return -1
			}
		}
		return r
	}, v[0].Str))
}

func pad(v []table.Value, before bool) table.Value {
	r, fill := []rune(v[0].Str), []rune(" ")
	if len(v) == 3 {
		fill = []rune(v[2].Str)
	}
	n := int(min(max(v[1].Int, 0), maxString))
	if len(r) >= n {
		return table.Text(string(r[:n]))
	}
	var extra []rune
	for i := 0; len(fill) > 0 && len(extra) < n-len(r); i++ {
		extra = append(extra, fill[i%len(fill)])
	}
	if before {
		return table.Text(string(extra) + string(r))
	}
	return table.Text(string(r) + string(extra))
}

func registerRegexp() {
	var known cached[*regexp.Regexp]
	compile := func(p, flags string) *regexp.Regexp {
		return known.get(flags+"/"+p, func(string) *regexp.Regexp {
			return compileRegexp(p, strings.Contains(flags, "i"))
		})
	}
	flags := func(v []table.Value, at int) string {
		if len(v) > at {
			return v[at].Str
		}
		return ""
	}
	register("regexp_like", function{min: 2, max: 3, args: types(table.String), result: table.Bool,
		fn: func(v []table.Value) table.Value {
			return table.Truth(compile(v[1].Str, flags(v, 2)).MatchString(v[0].Str))
		}})
	register("regexp_match", function{min: 2, max: 3, args: types(table.String),
		result: table.ListString, fn: func(v []table.Value) table.Value {
			m := compile(v[1].Str, flags(v, 2)).FindStringSubmatch(v[0].Str)
			if m == nil {
				return table.Value{}
			}
			if len(m) > 1 {
				m = m[1:]
			}
			list := table.Value{Type: table.ListString}
			for _, s := range m {
				list.List = append(list.List, table.Text(s))
			}
			return list
		}})
	register("regexp_replace", function{min: 3, max: 4, args: types(table.String),
		result: table.String, fn: func(v []table.Value) table.Value {
			re, with := compile(v[1].Str, flags(v, 3)), backReference.ReplaceAllString(v[2].Str, "$${$1}")
			if strings.Contains(flags(v, 3), "g") {
				// Each match brings the replacement, in which groups may stand for up to the whole text.
				matches := int64(len(re.FindAllStringIndex(v[0].Str, -1)))
				fits(matches * int64(len(with)))
				groups := int64(strings.Count(with, "$"))
				fits(matches * groups * int64(len(v[0].Str)) / max(matches, 1))
				return table.Text(limited(re.ReplaceAllString(v[0].Str, with)))
			}
			at := re.FindStringSubmatchIndex(v[0].Str)
			if at == nil {
				return v[0]
			}
			out := re.ExpandString([]byte(v[0].Str[:at[0]]), with, v[0].Str, at)
			return table.Text(string(out) + v[0].Str[at[1]:])
		}})
	register("regexp_count", function{min: 2, max: 2, args: types(table.String), result: table.Int64,
		fn: func(v []table.Value) table.Value {
			return table.Integer(int64(len(compile(v[1].Str, "").FindAllStringIndex(v[0].Str, -1))))
		}})
}

var backReference = regexp.MustCompile(`\\(\d)`)

func registerNumbers() {
	real1("sqrt", math.Sqrt)
	real1("cbrt", math.Cbrt)
	real1("exp", math.Exp)
	real1("ln", math.Log)
	real1("log10", math.Log10)
	real1("log2", math.Log2)
	real1("sin", math.Sin)
	real1("cos", math.Cos)
	real1("tan", math.Tan)
	real1("asin", math.Asin)
	real1("acos", math.Acos)
	real1("atan", math.Atan)
	real1("radians", func(f float64) float64 { return f * math.Pi / 180 })
	real1("degrees", func(f float64) float64 { return f * 180 / math.Pi })
	same := func(args []*Expr) table.Type {
		if args[0].Type.Number() {
			return args[0].Type
		}
		return table.Float64
	}
	whole := func(names string, fn func(float64) float64) {
		register(names, function{min: 1, max: 1, args: types(anyType), resultOf: same,
			fn: func(v []table.Value) table.Value { return wholeNumber(&v[0], fn) }})
	}
	whole("ceil|ceiling", math.Ceil)
	whole("floor", math.Floor)
	whole("abs", math.Abs)
	register("sign|signum", function{min: 1, max: 1, args: types(table.Float64), result: table.Float64,
		fn: func(v []table.Value) table.Value {
			f := v[0].Float()
			if f == 0 || math.IsNaN(f) {
				return v[0]
			}
			return table.Real(math.Copysign(1, f))
		}})
	register("round", function{min: 1, max: 2, args: types(table.Float64, table.Int64),
		result: table.Float64, fn: func(v []table.Value) table.Value { return rounded(v, math.Round) }})
	register("trunc", function{min: 1, max: 2, args: types(table.Float64, table.Int64),
		result: table.Float64, fn: func(v []table.Value) table.Value { return rounded(v, math.Trunc) }})
	register("power|pow", function{min: 2, max: 2, args: types(table.Float64), result: table.Float64,
		fn: func(v []table.Value) table.Value { return table.Real(math.Pow(v[0].Float(), v[1].Float())) }})
	register("log", function{min: 1, max: 2, args: types(table.Float64), result: table.Float64,
		fn: func(v []table.Value) table.Value {
			if len(v) == 1 {
				return table.Real(math.Log10(v[0].Float()))
			}
			return table.Real(math.Log(v[1].Float()) / math.Log(v[0].Float()))
		}})
	register("atan2", function{min: 2, max: 2, args: types(table.Float64), result: table.Float64,
		fn: func(v []table.Value) table.Value { return table.Real(math.Atan2(v[0].Float(), v[1].Float())) }})
	register("pi", function{result: table.Float64,
		fn: func([]table.Value) table.Value { return table.Real(math.Pi) }})
	register("mod", function{min: 2, max: 2, args: types(table.Int64), result: table.Int64,
		fn: func(v []table.Value) table.Value { return integerOperation("%", table.Int64)(&v[0], &v[1]) }})
	register("gcd", function{min: 2, max: 2, args: types(table.Int64), result: table.Int64,
		fn: func(v []table.Value) table.Value {
			a, b := v[0].Int, v[1].Int
			for b != 0 {
				a, b = b, a%b
			}
			return table.Integer(max(a, -a))
		}})
	register("random", function{result: table.Float64, volatile: true,
		fn: func([]table.Value) table.Value { return table.Real(rand.Float64()) }})
	register("isnan", function{min: 1, max: 1, args: types(table.Float64), result: table.Bool,
		fn: func(v []table.Value) table.Value { return table.Truth(math.IsNaN(v[0].Float())) }})
}

func wholeNumber(v *table.Value, fn func(float64) float64) table.Value {
	switch {
	case !v.Type.Number():
		f, ok := convertNumber(v, table.Float64)
		if !ok {
			fail(sql.StateType, "%q is no number", short(Text(v)))
		}
		return table.Real(fn(f.Float()))
	case v.Type == table.Float64:
		return table.Real(fn(v.Float()))
	case v.Type == table.Int64 && v.Int < 0 && fn(-1) == 1: // abs
		return table.Integer(-v.Int)
	}
	return *v
}

func rounded(v []table.Value, fn func(float64) float64) table.Value {
	p := 1.0
	if len(v) == 2 {
		p = math.Pow(10, float64(v[1].Int))
	}
	return table.Real(fn(v[0].Float()*p) / p)
}

func registerChoice() {
	common := func(args []*Expr) table.Type {
		t := table.Null
		for _, a := range args {
			if m, ok := CommonType(t, a.Type); ok {
				t = m
			}
		}
		return t
	}
	choose := func(name string, better func(c int) bool) {
		register(name, function{min: 1, max: -1, resultOf: common, nullable: true,
			fn: func(v []table.Value) (best table.Value) {
				for i := range v {
					if v[i].Type != table.Null && (best.Type == table.Null || better(Compare(&v[i], &best))) {
						best = v[i]
					}
				}
				return best
			}})
	}
	choose("greatest", func(c int) bool { return c > 0 })
	choose("least", func(c int) bool { return c < 0 })
	register("json_get_str", function{min: 2, max: 2, args: types(table.String, anyType),
		result: table.String, fn: jsonGet})
	register("uuid|gen_random_uuid", function{result: table.String, volatile: true,
		fn: func([]table.Value) table.Value {
			var b [16]byte
			for i := range b {
				b[i] = byte(rand.Uint32())
			}
			b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
			h := hex.EncodeToString(b[:])
			return table.Text(h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:])
		}})
}

// jsonGet reads a member, or an element, of JSON; what is a string is given without its quotes.
func jsonGet(v []table.Value) table.Value {
	var doc any
	d := json.NewDecoder(strings.NewReader(v[0].Str))
	d.UseNumber()
	if d.Decode(&doc) != nil {
		return table.Value{}
	}
	var found any
	switch x := doc.(type) {
	case map[string]any:
		found = x[Text(&v[1])]
	case []any:
		if i, ok := convertNumber(&v[1], table.Int64); ok && i.Int >= 0 && i.Int < int64(len(x)) {
			found = x[i.Int]
		}
	}
	switch x := found.(type) {
	case nil:
		return table.Value{}
	case string:
		return table.Text(x)
	}
	b, err := json.Marshal(found)
	if err != nil {
		return table.Value{}
	}
	return table.Text(string(b))
}
