package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// feed runs events through read, as go test would have written them.
func feed(t *testing.T, lines ...string) (string, *tally, int) {
	t.Helper()
	var out strings.Builder
	tests := newTally(&out)
	if err := read(strings.NewReader(strings.Join(lines, "\n")), tests); err != nil {
		t.Fatal(err)
	}
	tests.endRun()
	code := tests.finish()
	return out.String(), tests, code
}

func ev(action, test, output string) string {
	return fmt.Sprintf(`{"Action":%q,"Package":"p","Test":%q,"Output":%q}`, action, test, output)
}

func TestTally(t *testing.T) {
	for _, c := range []struct {
		name           string
		lines          []string
		passed, failed int
		code           int
		show, hide     string
	}{
		{"nothing", nil, 0, 0, 1, "no test was run", "FAIL"},
		{"no test files", []string{ev("skip", "", "")}, 0, 0, 1, "no test was run", "FAIL"},
		{"pass is quiet", []string{ev("run", "A", ""), ev("output", "A", "noise\n"),
			ev("pass", "A", ""), ev("pass", "", "")}, 1, 0, 0, "ok   p  1 passed", "noise"},
		{"fail is shown", []string{ev("run", "A", ""), ev("output", "A", "why\n"),
			ev("fail", "A", ""), ev("output", "", "tail\n"), ev("fail", "", "")},
			0, 1, 1, "FAIL p A\nwhy\n", "no test was run"},
		{"subtests count, parents do not", []string{ev("run", "A", ""), ev("run", "A/x", ""),
			ev("run", "A/y", ""), ev("run", "A/y/z", ""), ev("pass", "A/x", ""),
			ev("fail", "A/y/z", ""), ev("fail", "A/y", ""), ev("fail", "A", ""),
			ev("fail", "", "")}, 1, 1, 1, "FAIL p A/y/z", "FAIL p A\n"},
		{"a parent that fails by itself counts", []string{ev("run", "A", ""),
			ev("run", "A/x", ""), ev("pass", "A/x", ""), ev("fail", "A", ""),
			ev("fail", "", "")}, 1, 1, 1, "FAIL p A\n", "no test was run"},
		{"a test that never ended", []string{ev("run", "A", ""), ev("run", "A/x", ""),
			ev("output", "A/x", "last words\n"), ev("fail", "", "")},
			0, 1, 1, "FAIL p A/x\nlast words", "FAIL p A\n"},
		{"a package that fails without a test", []string{ev("run", "A", ""),
			ev("pass", "A", ""), ev("output", "", "exit status 3\n"), ev("fail", "", "")},
			1, 1, 1, "FAIL p\nexit status 3", "no test was run"},
		{"a package that never ended", []string{ev("start", "", "")}, 0, 1, 1, "cut off", "ok"},
		{"a skip is counted apart", []string{ev("run", "A", ""), ev("skip", "A", ""),
			ev("pass", "", "")}, 0, 0, 1, "1 skipped\n", "ok"},
		{"a broken build", []string{
			`{"ImportPath":"p [p.test]","Action":"build-output","Output":"undefined: x\n"}`,
			`{"ImportPath":"p [p.test]","Action":"build-fail"}`,
			`{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}`},
			0, 1, 1, "FAIL p\nundefined: x\n", "ok"},
		{"a line that is no event", []string{"hello"}, 0, 0, 1, "hello\n", "FAIL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, tests, code := feed(t, c.lines...)
			if tests.passed != c.passed || tests.failed != c.failed || code != c.code {
				t.Errorf("%d passed, %d failed, exit %d; want %d, %d, %d\n%s", tests.passed,
					tests.failed, code, c.passed, c.failed, c.code, out)
			}
			last := fmt.Sprintf("%d passed, %d failed\n", c.passed, c.failed)
			if !strings.Contains(out, c.show) || strings.Contains(out, c.hide) ||
				!strings.HasSuffix(out, last) {
				t.Errorf("want %q, not %q, and %q last in:\n%s", c.show, c.hide, last, out)
			}
		})
	}
}

func TestClipKeepsTheEnd(t *testing.T) {
	got := clip(strings.Repeat("a", maxOutputBytes) + "end")
	if len(got) > maxOutputBytes || !strings.HasSuffix(got, "aend") {
		t.Errorf("%d bytes left, ending in %q", len(got), got[len(got)-4:])
	}
}

// TestRun runs the real go test on a small module.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const head = "package x\nimport \"testing\"\n"
	write("go.mod", "module x\ngo 1.24\n")
	write("good/x_test.go", head+"func TestA(t *testing.T) {}\nfunc TestB(t *testing.T) {}\n")
	write("bad/x_test.go", head+"func TestC(t *testing.T) { t.Fatal(\"on purpose\") }\n")
	write("panics/x_test.go", head+"func TestD(t *testing.T) { panic(\"on purpose\") }\n")
	write("broken/x_test.go", head+"func TestE(t *testing.T) { undefinedName() }\n")
	write("none/x.go", "package x\n")
	t.Chdir(dir)
	t.Setenv("GOFLAGS", "")
	for _, c := range []struct {
		args string
		code int
		want []string
	}{
		{"./good", 0, []string{"ok   x/good  2 passed", "2 passed, 0 failed\n"}},
		{"./good -- -run TestA ./good", 0, []string{"3 passed, 0 failed\n"}},
		{"./bad -- ./good", 1, []string{"FAIL x/bad TestC", "on purpose", "2 passed, 1 failed\n"}},
		{"./panics", 1, []string{"FAIL x/panics TestD", "panic: on purpose", "0 passed, 1 failed\n"}},
		{"./broken", 1, []string{"FAIL x/broken", "undefinedName", "0 passed, 1 failed\n"}},
		{"./none", 1, []string{"no test was run", "0 passed, 0 failed\n"}},
		{"-no-such-flag ./good", 1, []string{"0 passed, 1 failed\n"}},
		{"./missing", 1, []string{"0 passed, "}},
		{"./good -- ", 2, []string{"run 2 has no arguments"}},
	} {
		t.Run(c.args, func(t *testing.T) {
			var stdout, stderr strings.Builder
			if code := run(strings.Fields(c.args), &stdout, &stderr); code != c.code {
				t.Errorf("exit %d, want %d", code, c.code)
			}
			all := stderr.String() + stdout.String()
			for _, want := range c.want {
				if !strings.Contains(all, want) {
					t.Errorf("missing %q in:\n%s", want, all)
				}
			}
		})
	}
}
