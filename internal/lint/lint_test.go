package lint

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// TestRepository holds this repository to the rules.
func TestRepository(t *testing.T) {
	const root = "../.."
	mod, err := os.ReadFile(root + "/go.mod")
	if err != nil || !strings.HasPrefix(string(mod), "module "+module+"\n") {
		t.Fatalf("%s is not the root of %s: %v", root, module, err)
	}
	findings, err := Check(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		t.Error(f)
	}
}

// source is a file of package p with a package comment, the imports and a body.
func source(imports, body string) string {
	text := "// Package p is fabricated.\npackage p\n"
	for _, imp := range strings.Fields(imports) {
		if !strings.Contains(imp, "\"") {
			imp = `"` + imp + `"`
		}
		text += "import " + strings.Replace(imp, "=", " ", 1) + "\n"
	}
	return text + body
}

func TestRulesCanFail(t *testing.T) {
	const our = module + "/"
	for _, c := range []struct {
		name, file, src, want string
	}{
		{"up", "partition/store/a.go", source(our+"partition/machine", ""),
			"a.go:3: partition/store must not import partition/machine: imports point down"},
		{"up to the top", "internal/node/a.go", source(our+"bench/cli", ""), "imports point down"},
		{"up into a long name", "protocol/a.go", source(our+"protocol/journal", ""),
			"imports point down"},
		{"sideways", "ingress/a.go", source(our+"partition", ""), "do not point sideways"},
		{"sideways, the other way", "ingress/a.go", source(our+"ingress/kafka", ""),
			"do not point sideways"},
		{"sideways in protocol", "protocol/journal/a.go", source(our+"protocol/command", ""),
			"do not point sideways"},
		{"no layer, from", "stray/a.go", source(our+"protocol", ""), "stray has no layer"},
		{"no layer, to", "cmd/perdure/a.go", source(our+"stray", ""), "stray has no layer"},
		{"no layer below a plain name", "partition/util/a.go", source(our+"protocol", ""),
			"partition/util has no layer"},
		{"outside, from", "internal/testrun/a.go", source(our+"protocol", ""), "outside the layers"},
		{"outside, to", "cmd/perdure/a.go", source(our+"internal/lint", ""), "outside the layers"},
		{"fence of the machine", "partition/machine/a.go", source(our+"bifrost", ""),
			"may import of ours only partition/store, protocol"},
		{"fence of bench", "bench/load/a.go", source(our+"protocol", ""), "only bench/..."},
		{"fence of chaos", "chaos/conformance/a.go", source(our+"protocol", ""), "only chaos/..."},
		{"commands and benchmarks", "cmd/perdure/a.go", source(our+"bench/load", ""),
			"do not point sideways"},
		{"a test going up", "partition/store/a_test.go", source(our+"internal/node", ""),
			"imports point down"},
		{"dragonboat", "partition/a.go", source("github.com/lni/dragonboat/v4", ""),
			"must not import github.com/lni/dragonboat/v4: it belongs to bifrost"},
		{"dragonboat in a test", "partition/a_test.go", source("github.com/lni/dragonboat/v4", ""),
			"it belongs to bifrost"},
		{"pebble", "bifrost/a.go", source("github.com/cockroachdb/pebble/v2/vfs", ""),
			"it belongs to partition/store, metadata"},
		{"net/http", "partition/a.go", source("net/http", ""), "must not import net/http"},
		{"below net/http", "invoker/a.go", source("net/http/httptrace", ""),
			"must not import net/http/httptrace"},
		{"minio", "snapshot/a.go", source("github.com/minio/minio-go/v7", ""), "internal/objstore"},
		{"aws", "invoker/a.go", source("github.com/aws/aws-sdk-go-v2/aws", ""), "invoker/endpoint"},
		{"chance", "partition/machine/a.go", source("math/rand/v2", ""), "no math/rand/v2"},
		{"locks", "partition/machine/a.go", source("sync/atomic", ""), "no sync/atomic"},
		{"logging", "partition/machine/a.go", source("log/slog", ""), "no log/slog"},
		{"clock", "partition/machine/a.go", source("time", "var t = time.Now()"), "no time.Now"},
		{"clock, renamed", "partition/machine/a.go", source(`t="time"`, "var u = t.Since"),
			"no time.Since"},
		{"clock, dotted", "partition/machine/a.go", source(`.="time"`, ""), "under a name"},
		{"goroutine", "partition/machine/a.go", source("", "func f() { go f() }"),
			"starts no goroutines"},
		{"iota", "protocol/command/a.go", source("", "const (\n\tA = iota\n)"), "never iota"},
		{"iota in a store", "partition/store/a.go", source("", "const A = iota + 1"), "never iota"},
		{"marker", "bifrost/a.go", source("", "// "+markers[0]+": later"), markers[0] + ": do it"},
		{"marker in a test", "bifrost/a_test.go", source("", "// x "+markers[1]), markers[1]},
		{"home", "bifrost/a.go", source("", `const p = "`+homes[0]+`x"`), "path of one machine"},
		{"home in a comment", "bifrost/a.go", source("", "// see "+homes[2]+"us"), "of one machine"},
		{"no comment", "bifrost/a.go", "package p\n", "no doc.go and no package comment"},
		{"a test file's comment is none", "bifrost/a.go", "package p\n", "no package comment"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fsys := fstest.MapFS{
				c.file:              {Data: []byte(c.src)},
				"bifrost/b_test.go": {Data: []byte(source("", ""))},
			}
			findings, err := Check(fsys)
			if err != nil {
				t.Fatal(err)
			}
			if len(findings) != 1 || !strings.Contains(findings[0], c.want) {
				t.Errorf("found %q, want one finding with %q", findings, c.want)
			}
		})
	}
}

func TestRulesAllow(t *testing.T) {
	const our = module + "/"
	for name, src := range map[string]string{
		"cmd/perdure/a.go": source(
			our+"internal/node "+our+"bench/cli net/http "+our+"protocol", ""),
		"internal/node/a.go":          source(our+"partition "+our+"ingress net/http", ""),
		"ingress/kafka/a.go":          source(our+"ingress", ""),
		"admin/a.go":                  source(our+"admin/query "+our+"protocol/duration", ""),
		"partition/a.go":              source(our+"partition/leader "+our+"bifrost", ""),
		"partition/machine/a.go":      source(our+"partition/store time", "var d time.Duration"),
		"partition/machine/a_test.go": source(our+"bifrost/memlog time sync", "var t = time.Now()"),
		"partition/machine/x_test.go": "package p_test\n" +
			"import \"" + our + "partition/machine\"\n",
		"partition/store/a.go":      source("github.com/cockroachdb/pebble/v2", "const A = 1"),
		"partition/store/a_test.go": source(our+"metadata", "const A = iota"),
		"protocol/command/a.go":     source(our+"protocol/journal "+our+"protocol", ""),
		"protocol/service/a.go":     source(our+"protocol/wire", ""),
		"protocol/noderpc/a.go":     source(our+"protocol/command", ""),
		"bifrost/a.go":              source("github.com/lni/dragonboat/v4/config", "const A = iota"),
		"bifrost/memlog/a.go":       source(our+"bifrost", ""),
		"bench/load/a.go":           source(our+"bench/report", ""),
		"chaos/sim/a.go":            source(our+"partition/machine "+our+"bifrost/memlog", ""),
		"pins.go":                   source("github.com/lni/dragonboat/v4", ""),
		"bifrost/testdata/a.go":     "not Go",
		"chaos/x/node_modules/a.go": "not Go",
		"example/go.mod":            "module other",
		"example/a.go":              "not Go",
		"internal/clock/a.go": source("", "// see https://example.org/ho"+"me/ and a/wo"+"rk/b"+
			" but not "+placeholder+"x"),
	} {
		t.Run(name, func(t *testing.T) {
			fsys := fstest.MapFS{name: {Data: []byte(src)}}
			if strings.HasPrefix(name, "example/") {
				fsys["example/go.mod"] = &fstest.MapFile{Data: []byte("module other")}
			}
			findings, err := Check(fsys)
			if err != nil || len(findings) != 0 {
				t.Errorf("found %q, %v", findings, err)
			}
		})
	}
}

func TestBrokenFileIsAnError(t *testing.T) {
	fsys := fstest.MapFS{"bifrost/a.go": {Data: []byte("package")}}
	if _, err := Check(fsys); err == nil {
		t.Error("a file that is not Go passed")
	}
}

// A name without a layer in a table would be a rule that never applies.
func TestTablesNameLayers(t *testing.T) {
	var names []string
	for _, s := range sideways {
		names = append(names, s.from, s.to)
	}
	for _, f := range fences {
		names = append(append(names, f.from), f.allowed...)
	}
	for _, lib := range libraries {
		names = append(names, lib.users...)
	}
	names = append(append(append(names, unfenced...), pure...), durable...)
	for _, name := range names {
		if layerOf(strings.TrimSuffix(name, "/...")) < 0 {
			t.Errorf("%s has no layer", name)
		}
	}
}
