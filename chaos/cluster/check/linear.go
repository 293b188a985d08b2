package check

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// perKey bounds the search for one key. Keys are short-lived so that it is not needed.
const perKey = 10 * time.Second

// RegisterKind is what an operation on a register does.
type RegisterKind string

// The operations on a register.
const (
	Read  RegisterKind = "read"
	Write RegisterKind = "write"
	Swap  RegisterKind = "cas"
)

// RegisterOp is one operation on a register, which is 0 at first.
type RegisterOp struct {
	Span
	Key     string
	Kind    RegisterKind
	From    int  // what Swap expects
	To      int  // what Write and Swap put there
	Got     int  // what Read saw
	Swapped bool // whether Swap did
}

// Register checks that registers are linearizable, each for itself.
func Register(subject string, ops []RegisterOp) Verdict {
	byKey := map[string][]porcupine.Operation{}
	for _, o := range ops {
		if o.Kind == Read && o.Unknown {
			continue
		}
		byKey[o.Key] = append(byKey[o.Key], spanned(o.Span, o))
	}
	return linearizable(subject, byKey, registerModel)
}

var registerModel = porcupine.Model{
	Init: func() any { return 0 },
	Step: func(state, input, _ any) (bool, any) {
		now, o := state.(int), input.(RegisterOp)
		switch o.Kind {
		case Read:
			return o.Got == now, now
		case Write:
			return true, o.To
		default:
			hit := now == o.From
			if !o.Unknown && hit != o.Swapped {
				return false, now
			}
			if hit {
				return true, o.To
			}
			return true, now
		}
	},
	DescribeOperation: func(input, _ any) string {
		o := input.(RegisterOp)
		switch {
		case o.Kind == Read:
			return fmt.Sprintf("read: %d", o.Got)
		case o.Kind == Write:
			return fmt.Sprintf("write %d", o.To)
		case o.Unknown:
			return fmt.Sprintf("cas %d to %d: ?", o.From, o.To)
		default:
			return fmt.Sprintf("cas %d to %d: %v", o.From, o.To, o.Swapped)
		}
	},
}

// ListOp is an operation on a list: it appends an element, or reads.
type ListOp struct {
	Span
	Key    string
	Append string   // "" reads
	Seen   []string // the whole list after it
}

// List checks that lists are linearizable, each for itself. Elements must be unique.
func List(subject string, ops []ListOp) Verdict {
	byKey := map[string][]porcupine.Operation{}
	for _, o := range ops {
		if o.Append == "" && o.Unknown {
			continue
		}
		byKey[o.Key] = append(byKey[o.Key], spanned(o.Span, listStep{o, strings.Join(o.Seen, " ")}))
	}
	return linearizable(subject, byKey, listModel)
}

// listStep is a ListOp with what it saw as one string, since states are compared often.
type listStep struct {
	ListOp
	seen string
}

var listModel = porcupine.Model{
	Init: func() any { return "" },
	Step: func(state, input, _ any) (bool, any) {
		now, o := state.(string), input.(listStep)
		if o.Append != "" {
			if now != "" {
				now += " "
			}
			now += o.Append
		}
		return o.Unknown || now == o.seen, now
	},
	DescribeOperation: func(input, _ any) string {
		o := input.(listStep)
		switch {
		case o.Append == "":
			return "read: " + o.seen
		case o.Unknown:
			return "append " + o.Append + ": ?"
		default:
			return "append " + o.Append + ": " + o.seen
		}
	},
}

func spanned(s Span, input any) porcupine.Operation {
	end := int64(s.End)
	if s.Unknown {
		end = 1 << 62 // it may take effect at any time
	}
	return porcupine.Operation{ClientId: s.Client, Input: input, Call: int64(s.Start), Return: end}
}

func linearizable(subject string, byKey map[string][]porcupine.Operation, m porcupine.Model) Verdict {
	v := Verdict{Checker: "linearizable", Subject: subject}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		ops := byKey[key]
		v.Checked += len(ops)
		result, info := porcupine.CheckOperationsVerbose(m, ops, perKey)
		switch result {
		case porcupine.Ok:
		case porcupine.Unknown:
			v.Unclear++
		default:
			v.problem("key %s is not linearizable: %s", key, describe(m, ops, info))
			if v.Picture == nil {
				var page bytes.Buffer
				if err := porcupine.Visualize(m, info, &page); err == nil {
					v.Picture = page.Bytes()
				}
			}
		}
	}
	return v
}

// describe names the operations that the longest explanation leaves out.
func describe(m porcupine.Model, ops []porcupine.Operation, info porcupine.LinearizationInfo) string {
	longest := []int{}
	for _, partition := range info.PartialLinearizations() {
		for _, partial := range partition {
			if len(partial) > len(longest) {
				longest = partial
			}
		}
	}
	var out []string
	for i, o := range ops {
		if slices.Contains(longest, i) || o.Return == 1<<62 {
			continue
		}
		if len(out) == 5 {
			out = append(out, "...")
			break
		}
		out = append(out, fmt.Sprintf("%s [%v, %v]", m.DescribeOperation(o.Input, o.Output),
			time.Duration(o.Call).Round(time.Millisecond), time.Duration(o.Return).Round(time.Millisecond)))
	}
	return fmt.Sprintf("%d of %d operations can be explained, not %s", len(longest), len(ops),
		strings.Join(out, "; "))
}
