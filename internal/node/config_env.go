package node

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// Prefixes of environment variables; of two that name one setting, the later prefix wins.
const (
	envPrefixCompatible = "RESTATE_"
	envPrefix           = "PERDURE_"
)

// envOther are names behind a prefix that are no settings of the node: they are read elsewhere,
// by the command line tool and the services that share the environment.
var envOther = []string{
	"CONFIG", "ADMIN_URL", "INGRESS_URL", "AUTH_TOKEN", "ENVIRONMENT", "CLI_CONFIG_HOME",
	"CLI_CONFIG_FILE", "HOST", "HOST_ADMIN", "LOGGING",
}

// environment is what the environment variables say.
type environment struct {
	configFile string
	compatible source
	logFilter  source
	own        source
}

// sources are in the order in which they are applied.
func (e environment) sources() []source {
	return []source{e.compatible, e.own, e.logFilter}
}

// readEnv sorts variables by prefix. An empty variable counts as unset.
func readEnv(vars []string) environment {
	fresh := func() source {
		return source{name: "environment", tree: map[string]any{}, names: map[string]string{}}
	}
	env := environment{compatible: fresh(), own: fresh(), logFilter: fresh()}
	values := map[string]string{}
	for _, v := range vars {
		if name, value, ok := strings.Cut(v, "="); ok && value != "" {
			values[name] = value
		}
	}
	env.configFile = values[envPrefixCompatible+"CONFIG"]
	if own := values[envPrefix+"CONFIG"]; own != "" {
		env.configFile = own
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names) // a table comes before its keys
	for _, name := range names {
		if rest, ok := strings.CutPrefix(name, envPrefix); ok {
			env.own.putVariable(name, rest, values[name])
		} else if rest, ok := strings.CutPrefix(name, envPrefixCompatible); ok {
			env.compatible.putVariable(name, rest, values[name])
		}
	}
	if filter := values["RUST_LOG"]; filter != "" {
		env.logFilter.put([]string{"log-filter"}, filter, "RUST_LOG")
	}
	return env
}

func (s source) putVariable(name, rest, value string) {
	if slices.Contains(envOther, rest) {
		return
	}
	path := strings.Split(rest, "__")
	if slices.Contains(path, "") {
		return // a name such as PERDURE___X names nothing
	}
	if unquoted, err := strconv.Unquote(value); err == nil && value[0] == '"' {
		value = unquoted
	}
	for i := range path {
		path[i] = normalKey(path[i])
	}
	s.put(path, value, name)
}

// structured reads a text as a list or table: JSON, a TOML value, or bare words as in
// "[worker, admin]", "worker,admin" and "{a = b}". Anything else comes back as it is.
func structured(value any) any {
	text, ok := value.(string)
	if !ok {
		return value
	}
	text = strings.TrimSpace(text)
	var parsed any
	if json.Unmarshal([]byte(text), &parsed) == nil {
		switch parsed.(type) {
		case map[string]any, []any:
			return wholeNumbers(parsed)
		}
	}
	var wrapped struct{ V any }
	if toml.Unmarshal([]byte("V = "+text), &wrapped) == nil {
		switch wrapped.V.(type) {
		case map[string]any, []any:
			return wrapped.V
		}
	}
	if body, ok := enclosed(text, '{', '}'); ok {
		return bareTable(body)
	}
	if body, ok := enclosed(text, '[', ']'); ok {
		text = body
	}
	return bareList(text)
}

func enclosed(text string, left, right byte) (string, bool) {
	if len(text) < 2 || text[0] != left || text[len(text)-1] != right {
		return "", false
	}
	return text[1 : len(text)-1], true
}

func bareList(text string) []any {
	list := []any{}
	for _, word := range strings.Split(text, ",") {
		if word = bareWord(word); word != "" {
			list = append(list, word)
		}
	}
	return list
}

// bareTable is nil unless every part is a pair.
func bareTable(text string) any {
	table := map[string]any{}
	for _, part := range strings.Split(text, ",") {
		at := strings.IndexAny(part, "=:")
		if at < 0 {
			return nil
		}
		table[bareWord(part[:at])] = bareWord(part[at+1:])
	}
	return table
}

func bareWord(text string) string {
	text = strings.TrimSpace(text)
	for _, quote := range []byte{'"', '\''} {
		if body, ok := enclosed(text, quote, quote); ok {
			return body
		}
	}
	return text
}

// wholeNumbers gives the numbers of JSON the types a TOML decoder would have given them.
func wholeNumbers(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, item := range v {
			v[key] = wholeNumbers(item)
		}
	case []any:
		for i, item := range v {
			v[i] = wholeNumbers(item)
		}
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v)
		}
	}
	return value
}
