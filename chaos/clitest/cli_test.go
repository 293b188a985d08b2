package main

import (
	"slices"
	"testing"

	"github.com/perdure/perdure/chaos/process"
)

// TestOfficialCLI shows that people see the same, whichever server the official command line talks
// to.
func TestOfficialCLI(t *testing.T) {
	ran := 0
	err := run(t.Context(), options{}, func(command, difference string) {
		ran++
		t.Run(command, func(t *testing.T) {
			if difference != "" {
				t.Errorf("the outputs differ:\n%s", difference)
			}
		})
	})
	if err != nil {
		t.Fatalf("the commands did not run: %v", err)
	}
	if ran == 0 {
		t.Fatal("no command has run")
	}
}

func TestNormalHidesOnlyWhatMayDiffer(t *testing.T) {
	s := &session{server: &process.Server{Admin: "http://127.0.0.1:1234", Ingress: "http://127.0.0.1:99"},
		uri: "http://127.0.0.1:5", home: t.TempDir()}
	first := "a row at http://127.0.0.1:1234/v4 in " + s.home + "\n"
	a := "b  row dp_14N5m3FLoJi4GuJ6rwL5Vvj\n" + first
	b := first + "b row   dp_10CX3nZXlxu4Jxw0SwwTLFP\n"
	if d := difference(s.normal(step{}, a), s.normal(step{}, b)); d != "" {
		t.Errorf("order, blanks and IDs differ:\n%s", d)
	}
	for name, other := range map[string]string{
		"a line is missing":  first,
		"a line is new":      a + "c\n",
		"a line is other":    "b row\n" + first,
		"another exit code":  a + "exit code 1\n",
		"a line comes twice": a + "b row dp_14N5m3FLoJi4GuJ6rwL5Vvj\n",
	} {
		if difference(s.normal(step{}, a), s.normal(step{}, other)) == "" {
			t.Errorf("%s, and that was not seen", name)
		}
	}
	if d := difference([]string{"x y"}, s.normal(step{words: true}, "x y")); d == "" {
		t.Error("words were compared as lines")
	}
}

// TestEveryCommandIsInTheScript asks the command line itself what there is.
func TestEveryCommandIsInTheScript(t *testing.T) {
	binary, err := process.Reference(t.Context(), "restate")
	if err != nil {
		t.Fatal(err)
	}
	commands, err := commandsOf(t.Context(), binary)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(commands, "whoami") || !slices.Contains(commands, "services config view") {
		t.Fatalf("whoami and services config view are not among the commands %q", commands)
	}
	missing, idle := untested(commands, script(), untried)
	for _, command := range missing {
		t.Errorf("restate %s is in no script", command)
	}
	for _, command := range idle {
		t.Errorf("restate %s is excused without need", command)
	}
}

func TestUntestedCommandsAreFound(t *testing.T) {
	steps := []step{cli("state", "get", "x")}
	missing, idle := untested([]string{"state get", "state edit", "dev"}, steps,
		map[string]string{"dev": "", "gone": "", "state get": ""})
	if !slices.Equal(missing, []string{"state edit"}) || !slices.Equal(idle, []string{"gone", "state get"}) {
		t.Errorf("missing %q, idle %q", missing, idle)
	}
}
