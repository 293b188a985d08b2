package node

import (
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Warning is something in the configuration the user should know about, though the node starts.
type Warning struct {
	// Level is Warn for what is probably a mistake, Info for a key that is known and ignored.
	Level slog.Level
	// Source is where the key stands: "file x.toml", "environment X", "command line --x".
	Source string
	// Key is the key in full, with its tables.
	Key string
	// Text is a sentence for the log.
	Text string
}

func (w Warning) String() string { return w.Source + ": " + w.Key + ": " + w.Text }

// field is one key of a table.
type field struct {
	key   string
	alias string
	value reflect.Value
}

// table reports whether the field is a table with fields of its own.
func (f field) table() bool {
	_, leaf := f.value.Addr().Interface().(setting)
	return f.value.Kind() == reflect.Struct && !leaf
}

// fieldsOf lists the keys of the table v, those of embedded structs among them.
func fieldsOf(v reflect.Value) []field {
	var all []field
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		switch key := sf.Tag.Get("toml"); {
		case sf.Anonymous:
			all = append(all, fieldsOf(v.Field(i))...)
		case key != "":
			all = append(all, field{key: key, alias: sf.Tag.Get("alias"), value: v.Field(i)})
		}
	}
	return all
}

// findField finds a key; underscores in it pass for hyphens, as the environment needs.
func findField(v reflect.Value, key string) (field, bool) {
	key = normalKey(key)
	for _, f := range fieldsOf(v) {
		if normalKey(f.key) == key || (f.alias != "" && normalKey(f.alias) == key) {
			return f, true
		}
	}
	return field{}, false
}

func normalKey(key string) string {
	return strings.ReplaceAll(strings.ToLower(key), "_", "-")
}

// decoder writes the settings of one source into a Config and collects what it has to say.
type decoder struct {
	config   *Config
	source   source
	warnings []Warning
	problems []error
}

func (d *decoder) warn(level slog.Level, key, format string, args ...any) {
	d.warnings = append(d.warnings,
		Warning{Level: level, Source: d.source.at(key), Key: key, Text: fmt.Sprintf(format, args...)})
}

func (d *decoder) fail(key string, err error) {
	d.problems = append(d.problems, fmt.Errorf("%s: %s: %w", d.source.at(key), key, err))
}

// decode takes a whole tree. Deprecated top-level keys of the client come last: they win.
func (d *decoder) decode(tree map[string]any) {
	root := reflect.ValueOf(d.config).Elem()
	d.table(root, "", tree)
	client := reflect.ValueOf(&d.config.Worker.Invoker.Client).Elem()
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		if f, ok := d.clientField(root, client, key); ok {
			d.warn(slog.LevelWarn, key, "deprecated here; write it as worker.invoker.%s", f.key)
			d.value(f, key, tree[key])
		}
	}
}

// clientField finds a key that belongs to the client and not to the top level.
func (d *decoder) clientField(root, client reflect.Value, key string) (field, bool) {
	if _, own := findField(root, key); own {
		return field{}, false
	}
	return findField(client, key)
}

func (d *decoder) table(v reflect.Value, prefix string, tree map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		full := prefix + key
		if f, ok := findField(v, key); ok {
			d.value(f, full, tree[key])
			continue
		}
		d.other(v, prefix, key, tree[key])
	}
	// Last, because within one source it wins over bind-ip and bind-port.
	for key, value := range tree {
		if l, ok := v.Addr().Interface().(listening); ok && normalKey(key) == "bind-address" {
			d.bindAddress(l.listener(), prefix+key, value)
		}
	}
}

// listening is a table that has the keys of a listener.
type listening interface{ listener() *Listener }

func (l *Listener) listener() *Listener { return l }

func (d *decoder) bindAddress(l *Listener, key string, value any) {
	text, ok := value.(string)
	if !ok {
		d.fail(key, fmt.Errorf(`%v is not an address; write "ip:port"`, value))
		return
	}
	if err := l.setBindAddress(text); err != nil {
		d.fail(key, err)
	}
}

// other handles a key that is not a field of the table v.
func (d *decoder) other(v reflect.Value, prefix, key string, value any) {
	full := prefix + key
	if _, ok := v.Addr().Interface().(listening); ok && normalKey(key) == "bind-address" {
		return
	}
	if prefix == "" {
		client := reflect.ValueOf(&d.config.Worker.Invoker.Client).Elem()
		if _, ok := d.clientField(v, client, key); ok {
			return
		}
	}
	if reason, ok := ignored(full); ok {
		d.warn(slog.LevelInfo, full, "known and ignored: %s", reason)
		return
	}
	text := "unknown key, ignored"
	if near := nearest(full, knownKeys()); near != "" {
		text += fmt.Sprintf("; did you mean %s?", near)
	}
	d.warn(slog.LevelWarn, full, "%s", text)
}

// value writes one value into a field. Text for a list, map or table is read as TOML or JSON.
func (d *decoder) value(f field, key string, value any) {
	if f.table() {
		tree, ok := structured(value).(map[string]any)
		if !ok {
			d.fail(key, fmt.Errorf("%v is not a table; write [%s] and its keys below it",
				value, key))
			return
		}
		d.table(f.value, key+".", tree)
		return
	}
	if err := assign(f.value, value); err != nil {
		d.fail(key, err)
	}
}

func assignString(text *string, value any) error {
	s, ok := value.(string)
	if !ok {
		return fmt.Errorf("%v is not a text; put it in quotes", value)
	}
	*text = s
	return nil
}

// assign converts value to the type of v. On error v is unchanged.
func assign(v reflect.Value, value any) error {
	if s, ok := v.Addr().Interface().(setting); ok {
		return s.set(value)
	}
	switch v.Kind() {
	case reflect.Pointer:
		fresh := reflect.New(v.Type().Elem())
		if err := assign(fresh.Elem(), value); err != nil {
			return err
		}
		v.Set(fresh)
	case reflect.String:
		var text string
		if err := assignString(&text, value); err != nil {
			return err
		}
		v.SetString(text)
	case reflect.Bool:
		on, err := toBool(value)
		if err != nil {
			return err
		}
		v.SetBool(on)
	case reflect.Int:
		n, err := toInt(value)
		if err != nil {
			return err
		}
		v.SetInt(n)
	case reflect.Float64:
		n, err := toFloat(value)
		if err != nil {
			return err
		}
		v.SetFloat(n)
	case reflect.Slice:
		return assignList(v, value)
	case reflect.Map:
		return assignMap(v, value)
	default:
		panic(fmt.Sprintf("configuration field of kind %s has no reader", v.Kind()))
	}
	return nil
}

func assignList(v reflect.Value, value any) error {
	list, ok := structured(value).([]any)
	if !ok {
		if tables, isTables := value.([]map[string]any); isTables {
			for _, table := range tables {
				list = append(list, table)
			}
		} else {
			return fmt.Errorf(`%v is not a list; write ["a", "b"]`, value)
		}
	}
	fresh := reflect.MakeSlice(v.Type(), len(list), len(list))
	for i, item := range list {
		if err := assign(fresh.Index(i), item); err != nil {
			return fmt.Errorf("item %d: %w", i+1, err)
		}
	}
	v.Set(fresh)
	return nil
}

func assignMap(v reflect.Value, value any) error {
	tree, ok := structured(value).(map[string]any)
	if !ok {
		return fmt.Errorf(`%v is not a table; write { name = "value" }`, value)
	}
	fresh := map[string]string{}
	for name, item := range tree {
		text, err := toText(item)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fresh[name] = text
	}
	v.Set(reflect.ValueOf(fresh))
	return nil
}

func toBool(value any) (bool, error) {
	switch v := value.(type) {
	case bool:
		return v, nil
	case string:
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "true", "1", "yes", "on":
			return true, nil
		case "false", "0", "no", "off":
			return false, nil
		}
	}
	return false, fmt.Errorf("%v is neither true nor false", value)
}

func toInt(value any) (int64, error) {
	switch v := value.(type) {
	case int64:
		return v, nil
	case string:
		text := strings.TrimSpace(v)
		if strings.EqualFold(text, "unlimited") {
			return 0, nil
		}
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%v is not a whole number", value)
}

func toFloat(value any) (float64, error) {
	switch v := value.(type) {
	case float64:
		return v, nil
	case int64:
		return float64(v), nil
	case string:
		if n, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%v is not a number", value)
}
