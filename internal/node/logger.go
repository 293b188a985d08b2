package node

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// logTarget is the name under which log-filter sets the level of this program.
const logTarget = "perdure"

// NewLogger makes the node's logger. log-filter is a list such as "warn,perdure=info"; directives
// for other targets (restate.toml files have some) are understood and have no effect.
func NewLogger(cfg Config, w io.Writer) (*slog.Logger, error) {
	level, err := parseLogFilter(cfg.LogFilter)
	if err != nil {
		return nil, err
	}
	opts := &slog.HandlerOptions{Level: level}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	}
	return slog.New(slog.NewTextHandler(w, opts)), nil
}

func parseLogFilter(filter string) (slog.Level, error) {
	level := slog.LevelInfo
	specific := false
	for _, directive := range strings.Split(filter, ",") {
		directive = strings.TrimSpace(directive)
		if directive == "" {
			continue
		}
		target, name, ok := strings.Cut(directive, "=")
		if !ok {
			target, name = "", directive
		}
		l, err := parseLevel(name)
		if err != nil {
			return 0, fmt.Errorf("log-filter %q: %w", filter, err)
		}
		switch {
		case target == logTarget || target == "restate":
			level, specific = l, true
		case target == "" && !specific:
			level = l
		}
	}
	return level, nil
}

// levelOff is above every level that is used.
const levelOff = slog.Level(100)

func parseLevel(name string) (slog.Level, error) {
	switch strings.ToLower(name) {
	case "trace", "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	case "off":
		return levelOff, nil
	}
	return 0, fmt.Errorf("%q is no level; use trace, debug, info, warn, error or off", name)
}
