package main

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"
)

// TestBundleIsCopiedWithWhatItNames copies from a server that, like the reference server, answers with
// the index for what there is not.
func TestBundleIsCopiedWithWhatItNames(t *testing.T) {
	files := map[string]string{
		"":                 `<script src="/ui/assets/main.js"></script><link href="/ui/icon.png">`,
		"assets/main.js":   `import("./page.js"); fetch("assets/style.css"); let a = "not.js"`,
		"assets/page.js":   `new Worker("/ui/assets/worker.js")`,
		"assets/style.css": `@font-face { src: url(../font/a.woff2?v=1) }`,
		"assets/worker.js": ``, "font/a.woff2": `font`, "icon.png": `icon`, "assets/unnamed.js": ``,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/ui/", func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path[len("/ui/"):]
		body, ok := files[name]
		if name == "" || !ok {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			body = files[""]
		} else {
			w.Header().Set("Content-Type", "application/octet-stream")
		}
		_, _ = w.Write([]byte(body))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	dir := t.TempDir()
	if err := copyBundle(t.Context(), server.URL, dir); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			got = append(got, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	want := []string{"assets/main.js", "assets/page.js", "assets/style.css", "assets/worker.js",
		"font/a.woff2", "icon.png", "index.html"}
	if !slices.Equal(got, want) {
		t.Errorf("copied %q, not %q", got, want)
	}
}
