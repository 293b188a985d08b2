package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	index        = "index.html"
	maxFileBytes = 64 << 20
)

// named finds what may be the name of a file of the bundle, in quotes or brackets.
var named = regexp.MustCompile(
	`["'` + "`" + `(]([A-Za-z0-9_./@~-]+\.(?:js|css|woff2?|ttf|png|svg|ico|json|webmanifest|wasm))["'` + "`" + `)?#]`)

// copyBundle copies the web UI that is served below base into dir: the index, and whatever a file
// names that is there.
func copyBundle(ctx context.Context, base, dir string) error {
	seen := map[string]bool{index: true}
	for todo := []string{index}; len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		body, ok, err := fetch(ctx, base, name)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return fmt.Errorf("make a folder of the bundle: %w", err)
		}
		if err := os.WriteFile(to, body, 0o644); err != nil {
			return fmt.Errorf("write a file of the bundle: %w", err)
		}
		switch path.Ext(name) {
		case ".js", ".css", ".html", ".webmanifest":
		default:
			continue
		}
		for _, m := range named.FindAllSubmatch(body, -1) {
			for _, found := range resolve(name, string(m[1])) {
				if !seen[found] {
					seen[found] = true
					todo = append(todo, found)
				}
			}
		}
	}
	if len(seen) == 1 {
		return fmt.Errorf("the index of the web UI at %s names no files", base)
	}
	return nil
}

// resolve returns the files of the bundle that a name in a file may stand for.
func resolve(in, name string) []string {
	if rest, ok := strings.CutPrefix(name, "/ui/"); ok {
		return []string{path.Clean(rest)}
	}
	var all []string
	for _, c := range []string{path.Join(path.Dir(in), name), path.Clean(name)} {
		if c = strings.TrimPrefix(c, "/"); !strings.HasPrefix(c, "..") {
			all = append(all, c)
		}
	}
	return all
}

// fetch reads one file; ok is false if there is none, for which the server answers with the index.
func fetch(ctx context.Context, base, name string) (body []byte, ok bool, err error) {
	url := base + "/ui/"
	if name != index {
		url += name
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, false, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, false, fmt.Errorf("copy the web UI: %w", err)
	}
	defer res.Body.Close()
	if body, err = io.ReadAll(io.LimitReader(res.Body, maxFileBytes)); err != nil {
		return nil, false, fmt.Errorf("copy %s: %w", url, err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, false, fmt.Errorf("copy %s: status %d", url, res.StatusCode)
	}
	html := strings.HasPrefix(res.Header.Get("Content-Type"), "text/html")
	return body, name == index || !html, nil
}
