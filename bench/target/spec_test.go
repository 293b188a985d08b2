package target

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParseSpec(t *testing.T) {
	tests := []struct {
		text         string
		name         string
		kind         Kind
		source       string
		env, command []string
	}{
		{text: "perdure", name: "perdure", kind: KindPerdure},
		{text: "restate=1.7.1", name: "restate", kind: KindRestate, source: "1.7.1"},
		{text: "name=old,perdure=./old", name: "old", kind: KindPerdure, source: "./old"},
		{
			text: `name=x,cmd='A=1 B="b c" prog --dir {dir} "d, e" F=2'`, name: "x",
			kind: KindCommand, env: []string{"A=1", "B=b c"},
			command: []string{"prog", "--dir", "{dir}", "d, e", "F=2"},
		},
	}
	for _, test := range tests {
		got, err := ParseSpec(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if got.Name != test.name || got.Kind != test.kind || got.Source != test.source {
			t.Errorf("%s: got %+v", test.text, got)
		}
		if test.kind == KindCommand &&
			(!reflect.DeepEqual(got.Env, test.env) || !reflect.DeepEqual(got.Command, test.command)) {
			t.Errorf("%s: env %q, command %q", test.text, got.Env, got.Command)
		}
	}
}

func TestParseSpecErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "does not say what to start",
		"name=x":                 "does not say what to start",
		"nginx":                  `unknown key "nginx"`,
		"perdure,restate":        "both perdure and restate",
		"cmd='prog'":             "needs a name",
		"floor=x":                "takes no value",
		"perdure,partitions=0":   "from 1 to 65535",
		"floor,partitions=2":     "only perdure and restate",
		"name=x,cmd=y,nodes=3":   "only perdure and restate",
		"perdure,nodes=2":        "nodes=2: give a number from 3 to 9",
		"name=x,cmd='A=1'":       "no program",
		"name=x,cmd='prog":       "quote ' is not closed",
		`name=x,cmd='prog "arg'`: `quote " is not closed`,
	} {
		if _, err := ParseSpec(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q in it", text, err, want)
		}
	}
}

func TestRunning(t *testing.T) {
	if _, err := Running("http://127.0.0.1:8080", "http://127.0.0.1:9070", 0); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "127.0.0.1:8080", "https://h:1", "http://host"} {
		if _, err := Running(bad, "http://127.0.0.1:9070", 0); err == nil {
			t.Errorf("ingress %q passed", bad)
		}
	}
}

func TestDescribeHidesDirectories(t *testing.T) {
	spec := Spec{Env: []string{"A=b c"}, Command: []string{"/home/me/bin/prog", "--dir", "{dir}"}}
	if got, want := spec.Describe(), "'A=b c' prog --dir {dir}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestResolveNeedsABinary(t *testing.T) {
	resolver := Resolver{Scratch: t.TempDir(), Log: t.Output()}
	for _, text := range []string{"perdure=./none", "restate=./none", "restate=."} {
		spec, err := ParseSpec(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := resolver.Resolve(t.Context(), spec); err == nil {
			t.Errorf("%s passed", text)
		}
	}
}

func TestPartitions(t *testing.T) {
	for text, want := range map[string]string{
		"perdure,partitions=128":      "PERDURE_DEFAULT_NUM_PARTITIONS=128",
		"name=x,restate,partitions=1": "RESTATE_DEFAULT_NUM_PARTITIONS=1",
	} {
		spec, err := ParseSpec(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := spec.Env[len(spec.Env)-1]; got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestTheFloorIsTheBenchmarkItself(t *testing.T) {
	spec, err := ParseSpec("floor")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Resolver{Bench: []string{"bench"}}.Resolve(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	want := "bench serve-floor --dir {dir} --ingress {ingress} --admin {admin}"
	if got := strings.Join(got.Command, " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestClusters(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"perdure-cluster=" + program: "perdure-cluster: bench serve-nodes --prefix PERDURE --nodes 3 " +
			"--partitions 0 --dir {dir} --ingress {ingress} --admin {admin} --node {node} -- " +
			program + " serve",
		"name=x,nodes=5,partitions=2,restate-cluster=" + program: "x: bench serve-nodes " +
			"--prefix RESTATE --nodes 5 --partitions 2 --dir {dir} --ingress {ingress} " +
			"--admin {admin} --node {node} -- " + program,
	} {
		spec, err := ParseSpec(text)
		if err != nil {
			t.Fatal(err)
		}
		if spec, err = (Resolver{Bench: []string{"bench"}}).Resolve(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
		got := spec.Name + ": " + strings.Join(spec.Command, " ")
		if got != want || len(spec.Env) > 0 {
			t.Errorf("%s: got %s with %q, want %s", text, got, spec.Env, want)
		}
	}
}
