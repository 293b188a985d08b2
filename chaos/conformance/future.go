package main

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// future is what a handler waits for, as it stands in Suspension and AwaitingOn.
type future struct {
	combinator  uint64
	completions []uint64
	signals     []uint64
	names       []string
	nested      []future
}

// The combinators of version 7. Below it, any leaf is enough.
const (
	anyCompleted   = 0 // not said: as firstCompleted
	firstCompleted = 1
	allCompleted   = 2
	firstSucceeded = 3 // or all failed
	allSucceeded   = 4 // or the first failed
)

var combinatorNames = []string{"any", "first", "all", "firstSucceeded", "allSucceeded"}

// String writes the tree as combinator(leaves and nested futures).
func (f future) String() string {
	var parts []string
	for _, id := range f.completions {
		parts = append(parts, fmt.Sprint(id))
	}
	for _, id := range f.signals {
		parts = append(parts, fmt.Sprintf("signal%d", id))
	}
	parts = append(parts, f.names...)
	for _, n := range f.nested {
		parts = append(parts, n.String())
	}
	return combinatorNames[f.combinator] + "(" + strings.Join(parts, " ") + ")"
}

// leaves are the completions of the whole tree.
func (f future) leaves() []uint64 {
	out := f.completions
	for _, n := range f.nested {
		out = append(out, n.leaves()...)
	}
	return out
}

// message encodes the tree.
func (f future) message() message {
	var m message
	for field, numbers := range map[protowire.Number][]uint64{1: f.completions, 2: f.signals} {
		if len(numbers) == 0 {
			continue
		}
		var packed []byte
		for _, n := range numbers {
			packed = protowire.AppendVarint(packed, n)
		}
		m = m.bytes(field, packed)
	}
	for _, name := range f.names {
		m = m.text(3, name)
	}
	for _, n := range f.nested {
		m = m.bytes(4, n.message())
	}
	if f.combinator != anyCompleted {
		m = m.varint(5, f.combinator)
	}
	return m
}

// awaited reads what a Suspension waits for.
func awaited(version int, suspension fields) (future, error) {
	if version < 7 {
		return futureOf(suspension)
	}
	if len(suspension.strings[4]) != 1 {
		return future{}, errors.New("version 7, and the awaited future is missing")
	}
	return decodeFuture(suspension.strings[4][0])
}

func decodeFuture(raw []byte) (future, error) {
	f, err := parse(raw)
	if err != nil {
		return future{}, err
	}
	return futureOf(f)
}

func futureOf(f fields) (future, error) {
	out := future{combinator: f.varints[5]}
	if out.combinator >= uint64(len(combinatorNames)) {
		return out, fmt.Errorf("combinator %d is unknown", out.combinator)
	}
	var err error
	if out.completions, err = f.numbers(1); err != nil {
		return out, err
	}
	if out.signals, err = f.numbers(2); err != nil {
		return out, err
	}
	for _, name := range f.strings[3] {
		out.names = append(out.names, string(name))
	}
	for _, raw := range f.strings[4] {
		n, err := decodeFuture(raw)
		if err != nil {
			return out, err
		}
		out.nested = append(out.nested, n)
	}
	return out, nil
}
