package node

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// WriteTOML writes the configuration in effect as a file that Load reads back to the same
// configuration. Settings that are unset and have no default are left out.
func (c Config) WriteTOML(w io.Writer) error {
	var b bytes.Buffer
	writeTable(&b, "", reflect.ValueOf(&c).Elem())
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}

// writeTable writes the plain keys of a table, then the tables in it.
func writeTable(b *bytes.Buffer, prefix string, v reflect.Value) {
	fields := fieldsOf(v)
	for _, f := range fields {
		if f.table() {
			continue
		}
		if value := dumped(f.value); value != nil {
			fmt.Fprintf(b, "%s = %s\n", f.key, inline(value))
		}
	}
	for _, f := range fields {
		if f.table() && !f.value.IsZero() {
			fmt.Fprintf(b, "\n[%s%s]\n", prefix, f.key)
			writeTable(b, prefix+f.key+".", f.value)
		}
	}
}

// dumped turns a field into the types assign reads; nil if it is unset.
func dumped(v reflect.Value) any {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		return dumped(v.Elem())
	}
	if s, ok := v.Addr().Interface().(setting); ok {
		if value := s.dump(); value != "" {
			return value
		}
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		if v.Len() == 0 {
			return nil
		}
		return v.String()
	case reflect.Int:
		return v.Int()
	case reflect.Slice:
		if v.IsNil() {
			return nil
		}
		if texts, ok := v.Interface().([]string); ok {
			return dumpTexts(texts)
		}
		list := []any{}
		for i := range v.Len() {
			list = append(list, dumped(v.Index(i)))
		}
		return list
	case reflect.Map:
		if v.IsNil() {
			return nil
		}
		table := map[string]any{}
		for name, text := range v.Interface().(map[string]string) {
			table[name] = text
		}
		return table
	}
	return v.Interface()
}

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// inline writes a value on one line.
func inline(value any) string {
	switch v := value.(type) {
	case string:
		return quote(v)
	case float64:
		text := strconv.FormatFloat(v, 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return text
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = inline(item)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		parts := make([]string, 0, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			name := key
			if !bareKey.MatchString(key) {
				name = quote(key)
			}
			parts = append(parts, name+" = "+inline(v[key]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(value)
}

// quote writes a TOML string. The escapes of JSON are those of TOML, but for one character that
// TOML wants escaped.
func quote(text string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(text); err != nil {
		panic(fmt.Sprintf("a string has no JSON form: %v", err))
	}
	return strings.ReplaceAll(strings.TrimSpace(b.String()), "\x7f", `\u007f`)
}

// experimentalFeatures are the keys of the switches that are on, without their prefix.
func experimentalFeatures(e Experimental) []string {
	var on []string
	for _, f := range fieldsOf(reflect.ValueOf(&e).Elem()) {
		if f.value.Bool() {
			on = append(on, strings.TrimPrefix(f.key, "experimental_enable_"))
		}
	}
	return on
}
