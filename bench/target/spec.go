package target

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	"github.com/perdure/perdure/bench/cluster"
)

// Kind says where the command of a server comes from.
type Kind string

const (
	KindCommand Kind = "command" // given in full
	KindPerdure Kind = "perdure" // a perdure binary, built if no path is given
	KindRestate Kind = "restate" // a restate-server binary, from npm if no path is given
	KindFloor   Kind = "floor"   // the benchmark itself, playing a server from memory
	KindRunning Kind = "running" // somebody else started it
)

// Spec describes a server under test.
type Spec struct {
	Name string
	Kind Kind

	// Source is the path of the binary, or for KindRestate the version to install.
	Source string

	// Partitions is how many a new perdure or restate server makes; 0 leaves it to the server.
	Partitions int

	// Nodes is how many processes make up a cluster of perdure or restate servers; 0 is a server
	// on its own.
	Nodes int

	// Command is the program and its arguments, Env what is added to the environment. In both,
	// {dir}, {ingress}, {admin} and {node} stand for the data directory and the three ports.
	Command []string
	Env     []string

	// Of a running server: where it listens, and its process, 0 if not known.
	IngressURL, AdminURL string
	PID                  int
}

// DefaultPeerVersion is the version of the reference server that is installed unless another is
// asked for.
const DefaultPeerVersion = "1.7.12"

const maxPartitions = 65535

// ParseSpec reads a server description: "perdure", "restate", "floor", "perdure=PATH",
// "restate=PATH", "restate=VERSION", or a list of KEY=VALUE with commas between, where KEY is name,
// partitions, nodes and one of cmd, perdure, restate, floor. "perdure-cluster" and
// "restate-cluster" are three nodes. Values may be quoted with ' or ".
func ParseSpec(text string) (Spec, error) {
	fields, err := splitFields(text)
	if err != nil {
		return Spec{}, fmt.Errorf("read server %q: %w", text, err)
	}
	spec := Spec{}
	for _, field := range fields {
		key, value, _ := strings.Cut(field, "=")
		switch key {
		case "name":
			spec.Name = value
			continue
		case "nodes":
			spec.Nodes, err = strconv.Atoi(value)
			if err != nil || spec.Nodes < cluster.MinNodes || spec.Nodes > cluster.MaxNodes {
				return Spec{}, fmt.Errorf("read server %q: nodes=%s: give a number from %d to %d",
					text, value, cluster.MinNodes, cluster.MaxNodes)
			}
			continue
		case "partitions":
			spec.Partitions, err = strconv.Atoi(value)
			if err != nil || spec.Partitions < 1 || spec.Partitions > maxPartitions {
				return Spec{}, fmt.Errorf("read server %q: partitions=%s: give a number from 1 to %d",
					text, value, maxPartitions)
			}
			continue
		}
		if spec.Kind != "" {
			return Spec{}, fmt.Errorf("read server %q: both %s and %s say what to start",
				text, spec.Kind, key)
		}
		switch key {
		case "perdure-cluster", "restate-cluster":
			kind, _ := strings.CutSuffix(key, "-cluster")
			spec.Kind, spec.Source = Kind(kind), value
			spec.Nodes = max(spec.Nodes, cluster.MinNodes)
		case "perdure", "restate", "floor":
			spec.Kind, spec.Source = Kind(key), value
		case "cmd":
			spec.Kind = KindCommand
			if spec.Env, spec.Command, err = splitCommand(value); err != nil {
				return Spec{}, fmt.Errorf("read server %q: %w", text, err)
			}
		default:
			return Spec{}, fmt.Errorf("read server %q: unknown key %q; "+
				"use name, partitions and nodes with cmd, perdure, restate or floor", text, key)
		}
	}
	return spec.finish(text)
}

func (s Spec) finish(text string) (Spec, error) {
	switch s.Kind {
	case "":
		return Spec{}, fmt.Errorf("read server %q: it does not say what to start; "+
			"give cmd, perdure, restate or floor", text)
	case KindPerdure, KindRestate:
		if s.Nodes == 0 { // nodes have an environment each
			s.Env = standardEnv(s.Kind, s.Partitions)
		}
	case KindCommand, KindFloor:
		if s.Partitions != 0 || s.Nodes != 0 {
			return Spec{}, fmt.Errorf("read server %q: only perdure and restate take partitions "+
				"and nodes", text)
		}
		if s.Kind == KindFloor && s.Source != "" {
			return Spec{}, fmt.Errorf("read server %q: floor takes no value", text)
		}
	}
	if s.Kind == KindCommand && s.Name == "" {
		return Spec{}, fmt.Errorf("read server %q: a cmd needs a name", text)
	}
	if s.Name == "" {
		s.Name = string(s.Kind)
		if s.Nodes > 0 {
			s.Name += "-cluster"
		}
	}
	return s, nil
}

// WithPartitions returns the same server under another name and with a number of partitions. Only
// perdure and restate servers take one.
func (s Spec) WithPartitions(partitions int) Spec {
	s.Name = fmt.Sprintf("%s-%dp", s.Name, partitions)
	s.Partitions = partitions
	if s.Nodes == 0 {
		s.Env = standardEnv(s.Kind, partitions)
	}
	return s
}

// standardEnv sets the same things for both servers: ports, addresses, how much is logged.
func standardEnv(kind Kind, partitions int) []string {
	env := []string{
		"PERDURE_BIND_IP=127.0.0.1",
		"PERDURE_INGRESS__BIND_PORT={ingress}",
		"PERDURE_ADMIN__BIND_PORT={admin}",
		"PERDURE_BIND_PORT={node}",
		"PERDURE_LISTEN_MODE=tcp",
		"PERDURE_LOG_FILTER=warn",
	}
	prefix := "PERDURE"
	if kind == KindRestate {
		prefix, env = "RESTATE", []string{
			"RESTATE_BASE_DIR={dir}",
			"RESTATE_INGRESS__BIND_ADDRESS=127.0.0.1:{ingress}",
			"RESTATE_ADMIN__BIND_ADDRESS=127.0.0.1:{admin}",
			"RESTATE_BIND_ADDRESS=127.0.0.1:{node}",
			"RESTATE_LISTEN_MODE=tcp",
			"RESTATE_LOG_FILTER=warn",
			"DO_NOT_TRACK=1",
		}
	}
	if partitions > 0 {
		env = append(env, fmt.Sprintf("%s_DEFAULT_NUM_PARTITIONS=%d", prefix, partitions))
	}
	return env
}

// Running returns the Spec of a server that somebody else started. The URLs must be http.
func Running(ingressURL, adminURL string, pid int) (Spec, error) {
	for _, text := range []string{ingressURL, adminURL} {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" || u.Port() == "" {
			return Spec{}, fmt.Errorf("read server address %q: want http://HOST:PORT", text)
		}
	}
	return Spec{
		Name: "running", Kind: KindRunning, IngressURL: ingressURL, AdminURL: adminURL, PID: pid,
	}, nil
}

// Describe returns the command as a reader may repeat it: with placeholders, and the program
// without its directory.
func (s Spec) Describe() string {
	if s.Kind == KindRunning {
		return "already running"
	}
	words := append([]string{}, s.Env...)
	for i, word := range s.Command {
		if i == 0 {
			word = filepath.Base(word)
		}
		words = append(words, word)
	}
	for i, word := range words {
		if strings.ContainsFunc(word, unicode.IsSpace) {
			words[i] = "'" + word + "'"
		}
	}
	return strings.Join(words, " ")
}

// splitFields cuts at commas outside quotes and removes the quotes.
func splitFields(text string) ([]string, error) {
	return split(text, func(r rune) bool { return r == ',' })
}

// splitCommand cuts at blanks outside quotes; leading NAME=value words are the environment.
func splitCommand(text string) (env, command []string, err error) {
	words, err := split(text, unicode.IsSpace)
	if err != nil {
		return nil, nil, err
	}
	for len(words) > 0 && isAssignment(words[0]) {
		env, words = append(env, words[0]), words[1:]
	}
	if len(words) == 0 {
		return nil, nil, errors.New("cmd has no program")
	}
	return env, words, nil
}

func isAssignment(word string) bool {
	name, _, found := strings.Cut(word, "=")
	return found && name != "" && strings.IndexFunc(name, func(r rune) bool {
		return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) < 0
}

func split(text string, separates func(rune) bool) ([]string, error) {
	var parts []string
	var part strings.Builder
	var quote rune // the open one, 0 if none
	started := false
	for _, r := range text {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			part.WriteRune(r)
		case r == '\'' || r == '"':
			quote, started = r, true
		case separates(r):
			if started {
				parts = append(parts, part.String())
			}
			part.Reset()
			started = false
		default:
			part.WriteRune(r)
			started = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("the quote %c is not closed", quote)
	}
	if started {
		parts = append(parts, part.String())
	}
	return parts, nil
}
