package console

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var script = strings.Repeat("console.log('a script');\n", 100)

// files are those of the bundle under test, which lies in a folder of its own.
var files = map[string]string{
	"client/index.html":             "<h1>a console</h1>",
	"client/assets/a-1.js":          script,
	"client/assets/deep/index.html": "<h1>not this one</h1>",
	"client/font/a.woff2":           script,
	"README":                        "not of the bundle",
}

func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func archive(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if err := z.AddFS(os.DirFS(folder(t))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "ui.zip")
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// ask sends a request; headers are pairs.
func ask(h http.Handler, method, target string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func open(t *testing.T, name string) *Console {
	t.Helper()
	c, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestFolderAndArchiveServeTheSame(t *testing.T) {
	const page = "<h1>a console</h1>"
	const html, js = "text/html; charset=utf-8", "text/javascript; charset=utf-8"
	for name, c := range map[string]*Console{
		"folder": open(t, folder(t)), "archive": open(t, archive(t)),
	} {
		for _, want := range []struct{ path, kind, body string }{
			{"/ui/", html, page},
			{"/ui/assets/a-1.js", js, script},
			{"/ui/font/a.woff2", "font/woff2", script},
			{"/ui/invocations/inv_1", html, page},
			{"/ui/assets", html, page},
			{"/ui/assets/gone.js", html, page},
			{"/ui/../README", html, page},
			{"/ui/%2e%2e/README", html, page},
			{"/ui/..%2f..%2fREADME", html, page},
		} {
			got := ask(c, "GET", want.path)
			if got.StatusCode != 200 || got.Header.Get("Content-Type") != want.kind ||
				body(t, got) != want.body || got.Header.Get("Service-Worker-Allowed") != "/" {
				t.Errorf("%s: %s: status %d, headers %v", name, want.path, got.StatusCode, got.Header)
			}
		}
	}
}

func TestUnchangedFilesAreNotSentAgain(t *testing.T) {
	c := open(t, archive(t))
	for _, encoding := range []string{"", "br, gzip"} {
		first := ask(c, "GET", "/ui/assets/a-1.js", "Accept-Encoding", encoding)
		tag := first.Header.Get("ETag")
		again := ask(c, "GET", "/ui/assets/a-1.js",
			"Accept-Encoding", encoding, "If-None-Match", tag)
		if tag == "" || again.StatusCode != 304 || body(t, again) != "" {
			t.Errorf("encoding %q, tag %q: status %d", encoding, tag, again.StatusCode)
		}
		other := ask(c, "GET", "/ui/assets/a-1.js",
			"Accept-Encoding", encoding, "If-None-Match", `"another"`)
		if other.StatusCode != 200 {
			t.Errorf("encoding %q, another tag: status %d", encoding, other.StatusCode)
		}
	}
	plain, packed := ask(c, "GET", "/ui/assets/a-1.js"),
		ask(c, "GET", "/ui/assets/a-1.js", "Accept-Encoding", "gzip")
	if plain.Header.Get("ETag") == packed.Header.Get("ETag") {
		t.Error("two encodings of a file have one tag")
	}
}

func TestTextIsCompressed(t *testing.T) {
	c := open(t, folder(t))
	got := ask(c, "GET", "/ui/assets/a-1.js", "Accept-Encoding", "gzip, deflate")
	if got.Header.Get("Content-Encoding") != "gzip" || got.Header.Get("Vary") != "Accept-Encoding" {
		t.Fatalf("headers %v", got.Header)
	}
	r, err := gzip.NewReader(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); err != nil || string(b) != script {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	for _, path := range []string{"/ui/", "/ui/font/a.woff2"} { // too short; no use
		if got := ask(c, "GET", path, "Accept-Encoding", "gzip"); got.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s is compressed", path)
		}
	}
}

func TestWaysToTheConsole(t *testing.T) {
	for name, h := range map[string]http.Handler{"console": open(t, folder(t)), "none": Absent{}} {
		for path, want := range map[string]string{
			"/": "/ui/", "/ui": "/ui/", "/ui?a=b%20c": "/ui/?a=b%20c",
		} {
			got := ask(h, "GET", path)
			if got.StatusCode != 308 || got.Header.Get("Location") != want {
				t.Errorf("%s: %s: status %d to %s", name, path, got.StatusCode, got.Header.Get("Location"))
			}
		}
		if got := ask(h, "POST", "/ui/"); got.StatusCode != 405 || got.Header.Get("Allow") != "GET,HEAD" {
			t.Errorf("%s: POST: status %d", name, got.StatusCode)
		}
		if got := ask(h, "GET", "//"); got.StatusCode != 404 {
			t.Errorf("%s: //: status %d", name, got.StatusCode)
		}
		if got := ask(h, "HEAD", "/ui/"); got.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: HEAD: headers %v", name, got.Header)
		}
	}
}

func TestWithoutABundleThePageSaysWhatToDo(t *testing.T) {
	got := ask(Absent{}, "GET", "/ui/invocations")
	if text := body(t, got); got.StatusCode != 404 || !strings.Contains(text, "web-ui-bundle") {
		t.Errorf("status %d: %s", got.StatusCode, text)
	}
}

func TestWhatIsNoBundleIsRefused(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "ui.zip")
	if err := os.WriteFile(text, []byte("no archive"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		filepath.Join(dir, "gone"): "no such file",
		text:                       "neither a folder nor a ZIP file",
		t.TempDir():                "there is no index.html in it",
	} {
		if _, err := Open(name); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}
