package lint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// file is one parsed Go file.
type file struct {
	name string // slash-separated, from the module's root
	dir  string // its package, relative to the module; "." for the root
	test bool
	src  string
	ast  *ast.File
	fset *token.FileSet
}

// Check reads all Go files below the module's root and returns what breaks a rule, each finding
// as "file:line: text", in the order of the files. The error is a file that cannot be read or
// parsed.
func Check(root fs.FS) ([]string, error) {
	files, err := load(root)
	if err != nil {
		return nil, err
	}
	c := &checker{documented: map[string]bool{}}
	for _, f := range files {
		c.file = f
		c.imports()
		c.purity()
		c.numbers()
		c.text()
		c.documented[f.dir] = c.documented[f.dir] || (!f.test && f.ast.Doc != nil)
	}
	c.packageComments(files)
	return c.findings, nil
}

// load parses the files of this module, skipping what the go command skips.
func load(root fs.FS) ([]file, error) {
	var files []file
	fset := token.NewFileSet()
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return skipDir(root, name)
		case !strings.HasSuffix(name, ".go") || strings.HasPrefix(d.Name(), "_"):
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		tree, err := parser.ParseFile(fset, name, src, parser.ParseComments)
		if err != nil {
			return err
		}
		files = append(files, file{
			name: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"),
			src: string(src), ast: tree, fset: fset,
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the module's Go files: %w", err)
	}
	return files, nil
}

func skipDir(root fs.FS, name string) error {
	base := path.Base(name)
	if name == "." {
		return nil
	}
	if _, err := fs.Stat(root, path.Join(name, "go.mod")); err == nil {
		return fs.SkipDir // another module
	}
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") ||
		slices.Contains([]string{"testdata", "node_modules", "vendor"}, base) {
		return fs.SkipDir
	}
	return nil
}

type checker struct {
	file       file
	documented map[string]bool // packages with a comment
	findings   []string
}

func (c *checker) report(at token.Pos, format string, args ...any) {
	c.reportLine(c.file.fset.Position(at).Line, format, args...)
}

func (c *checker) reportLine(line int, format string, args ...any) {
	c.findings = append(c.findings,
		fmt.Sprintf("%s:%d: ", c.file.name, line)+fmt.Sprintf(format, args...))
}

func (c *checker) imports() {
	for _, spec := range c.file.ast.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			c.report(spec.Pos(), "import path %s cannot be read", spec.Path.Value)
			continue
		}
		if ours, ok := inModule(target); ok {
			if why := forbidden(edge{c.file.dir, ours}, c.file.test); why != "" {
				c.report(spec.Pos(), "%s must not import %s: %s", c.file.dir, ours, why)
			}
			continue
		}
		for _, lib := range libraries {
			bound := c.file.dir != "." && (!c.file.test || lib.inTests)
			if bound && below(target, lib.path) && !matchesAny(c.file.dir, lib.users) {
				c.report(spec.Pos(), "%s must not import %s: it belongs to %s", c.file.dir,
					target, strings.Join(lib.users, ", "))
			}
		}
	}
}

// forbidden says why an import is not allowed; "" if it is. Test files may also import from
// their own layer, and are not held by fences.
func forbidden(e edge, test bool) string {
	if matchesAny(e.from, outside) || matchesAny(e.to, outside) {
		return "one of them stands outside the layers"
	}
	from, to := layerOf(e.from), layerOf(e.to)
	switch {
	case e.from == e.to:
		return "" // an external test of the package
	case from < 0:
		return e.from + " has no layer; give it one in internal/lint/rules.go and in the guide"
	case to < 0:
		return e.to + " has no layer; give it one in internal/lint/rules.go and in the guide"
	case to < from:
		return "imports point down"
	case to == from && !test && !allowedSideways(e):
		return "imports do not point sideways"
	}
	if test {
		return ""
	}
	for _, f := range fences {
		exempt := matchesAny(e.from, unfenced)
		if !exempt && match(e.from, f.from) && !matchesAny(e.to, f.allowed) {
			return "it may import of ours only " + strings.Join(f.allowed, ", ")
		}
	}
	return ""
}

func allowedSideways(e edge) bool {
	return slices.ContainsFunc(sideways, func(s edge) bool {
		return match(e.from, s.from) && match(e.to, s.to)
	})
}

// layerOf is the layer of the longest matching name, 0 at the top; -1 if there is none.
func layerOf(pkg string) int {
	best, layer := "", -1
	for i, names := range layers {
		for _, name := range names {
			exact := name == pkg
			if exact || (match(pkg, name) && len(name) > len(best) && best != pkg) {
				best, layer = name, i
			}
		}
	}
	return layer
}

// purity holds the packages that must not see a clock, chance or the outside.
func (c *checker) purity() {
	if c.file.test || !matchesAny(c.file.dir, pure) {
		return
	}
	clock := ""
	for _, spec := range c.file.ast.Imports {
		target, _ := strconv.Unquote(spec.Path.Value)
		for _, banned := range impure {
			if below(target, banned) {
				c.report(spec.Pos(), "%s must be a function of its inputs: no %s", c.file.dir,
					target)
			}
		}
		if target == "time" {
			if clock = "time"; spec.Name != nil {
				clock = spec.Name.Name
			}
			if clock == "." {
				c.report(spec.Pos(), "import time under a name, so that its use can be checked")
			}
		}
	}
	ast.Inspect(c.file.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			c.report(n.Pos(), "%s starts no goroutines; return an action", c.file.dir)
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if ok && x.Name == clock && slices.Contains(clockNames, n.Sel.Name) {
				c.report(n.Pos(), "%s has no clock: no time.%s; take the time from the header",
					c.file.dir, n.Sel.Name)
			}
		}
		return true
	})
}

// numbers holds the packages whose constants are stored.
func (c *checker) numbers() {
	if c.file.test || !matchesAny(c.file.dir, durable) {
		return
	}
	ast.Inspect(c.file.ast, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Name == "iota" {
			c.report(id.Pos(), "durable numbers are written out, never iota")
		}
		return true
	})
}

var (
	markerWords = regexp.MustCompile(`\b(` + strings.Join(markers, "|") + `)\b`)
	homePaths   = regexp.MustCompile("(^|[^A-Za-z0-9_.~/-])(" + quoteAll(homes) + ")")
)

func quoteAll(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = regexp.QuoteMeta(text)
	}
	return strings.Join(quoted, "|")
}

// text holds every line of every file.
func (c *checker) text() {
	for i, line := range strings.Split(c.file.src, "\n") {
		if word := markerWords.FindString(line); word != "" {
			c.reportLine(i+1, "%s: do it, or open an issue", word)
		}
		real := strings.ReplaceAll(line, placeholder, "")
		if found := homePaths.FindStringSubmatch(real); found != nil {
			c.reportLine(i+1, "%s is a path of one machine; use a temporary folder", found[2])
		}
	}
}

// packageComments finds packages nobody introduced. Test-only folders need no comment.
func (c *checker) packageComments(files []file) {
	seen := map[string]bool{}
	for _, f := range files {
		if f.test || seen[f.dir] || c.documented[f.dir] {
			continue
		}
		seen[f.dir] = true
		c.file = f
		c.reportLine(1, "package %s has no doc.go and no package comment", f.dir)
	}
}

// inModule turns an import path into a package relative to the module.
func inModule(target string) (string, bool) {
	if target == module {
		return ".", true
	}
	return strings.CutPrefix(target, module+"/")
}

// match reports whether a package falls under a name of the tables.
func match(pkg, name string) bool {
	if parent, open := strings.CutSuffix(name, "/..."); open {
		return pkg == parent || strings.HasPrefix(pkg, parent+"/")
	}
	return pkg == name
}

func matchesAny(pkg string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return match(pkg, name) })
}

// below reports whether an import path is parent or lies below it, whatever its major version.
func below(target, parent string) bool {
	return target == parent || strings.HasPrefix(target, parent+"/")
}
