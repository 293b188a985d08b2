package node

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/BurntSushi/toml"
)

// maxFileBytes is the largest configuration file Load reads.
const maxFileBytes = 1 << 20

// LoadOptions are the sources Load reads.
type LoadOptions struct {
	// File is the configuration file. If empty, it is the one named by the flags, else by
	// PERDURE_CONFIG, else by RESTATE_CONFIG, else there is none.
	File string
	// Env are the environment variables as "NAME=value", as from os.Environ.
	Env []string
	// Flags is what the command line said; nil for nothing.
	Flags *Flags
}

// Load reads all sources and returns a valid configuration. Each setting comes from the last
// source that names it: defaults, file, environment, command line. The warnings are in the order
// of the sources and meant for the log. The error names every problem of every source.
func Load(opts LoadOptions) (Config, []Warning, error) {
	cfg := unresolved()
	if opts.Flags != nil && opts.Flags.Production {
		cfg.AutoProvision = false
	}
	var warnings []Warning
	var problems []error
	env := readEnv(opts.Env)
	sources := append(env.sources(), opts.Flags.source())
	if path := configFile(opts, env); path != "" {
		file, err := fileSource(path)
		if err != nil {
			return Config{}, nil, err
		}
		sources = append([]source{file}, sources...)
	}
	for _, s := range sources {
		d := decoder{config: &cfg, source: s}
		d.decode(s.tree)
		warnings = append(warnings, d.warnings...)
		problems = append(problems, d.problems...)
	}
	cfg.resolve()
	if err := cfg.Validate(); err != nil {
		problems = append(problems, err)
	}
	if len(problems) > 0 {
		return Config{}, warnings, fmt.Errorf("the configuration cannot be used:\n%w",
			errors.Join(problems...))
	}
	return cfg, warnings, nil
}

// source is a tree of settings and where it came from.
type source struct {
	name string
	tree map[string]any
	// names says for a key in full which variable or flag it came from, if that is known.
	names map[string]string
}

// at describes where a key stands.
func (s source) at(key string) string {
	for {
		if name, ok := s.names[key]; ok {
			return s.name + " " + name
		}
		dot := strings.LastIndexByte(key, '.')
		if dot < 0 {
			return s.name
		}
		key = key[:dot]
	}
}

// put stores value under a path of keys, making tables on the way. A text on the way is read as
// a table, so that one variable may set a whole table and another a key of it.
func (s source) put(path []string, value any, name string) {
	s.names[strings.Join(path, ".")] = name
	at := s.tree
	for _, key := range path[:len(path)-1] {
		next, ok := structured(at[key]).(map[string]any)
		if !ok {
			next = map[string]any{}
		}
		at[key] = next
		at = next
	}
	at[path[len(path)-1]] = value
}

func configFile(opts LoadOptions, env environment) string {
	switch {
	case opts.File != "":
		return opts.File
	case opts.Flags != nil && opts.Flags.ConfigFile != "":
		return opts.Flags.ConfigFile
	}
	return env.configFile
}

func fileSource(path string) (source, error) {
	const advice = "check -c/--config-file and PERDURE_CONFIG"
	info, err := os.Stat(path)
	if err != nil {
		return source{}, fmt.Errorf("read configuration file: %w; %s", err, advice)
	}
	if info.Size() > maxFileBytes {
		return source{}, fmt.Errorf("read configuration file %s: it has %d bytes, the limit is "+
			"%d; %s", path, info.Size(), maxFileBytes, advice)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return source{}, fmt.Errorf("read configuration file: %w; %s", err, advice)
	}
	tree := map[string]any{}
	if err := toml.Unmarshal(text, &tree); err != nil {
		return source{}, fmt.Errorf("read configuration file %s: it is not TOML: %w; "+
			"mend the line named", path, err)
	}
	return source{name: "file " + path, tree: tree}, nil
}
