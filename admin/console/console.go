package console

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

const (
	// prefix is where a console lives. Bundles are built for it.
	prefix = "/ui/"
	// minPackedBytes is from which size on a file is sent compressed.
	minPackedBytes = 1 << 10
)

// Console serves one bundle, at /ui/ and below.
type Console struct{ bundle bundle }

// Open opens a bundle, a folder or a ZIP file.
func Open(name string) (*Console, error) {
	b, err := openBundle(name)
	if err != nil {
		return nil, fmt.Errorf("open the bundle of the web console %s: %w", name, err)
	}
	return &Console{b}, nil
}

// Close releases the bundle. No request may be served any more.
func (c *Console) Close() error { return c.bundle.close() }

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, ok := wanted(w, r)
	if !ok {
		return
	}
	f, err := c.bundle.file(name)
	if err != nil {
		http.Error(w, "cannot open a file of the web console: "+err.Error(), http.StatusInternalServerError)
		return
	}
	defer f.Close()

	h := w.Header()
	h.Set("Content-Type", contentType(f.name))
	h.Set("X-Content-Type-Options", "nosniff")
	// A service worker of the console may look after requests to the whole port.
	h.Set("Service-Worker-Allowed", "/")
	h.Set("Cache-Control", "no-cache") // ask each time whether it has changed
	packed := f.size >= minPackedBytes && packable(f.name)
	if packed {
		h.Set("Vary", "Accept-Encoding")
		packed = strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
	}
	tag := fmt.Sprintf(`"%x-%x-%t"`, f.changed.UnixNano(), f.size, packed)
	h.Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag { // do not read what is not sent
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body, err := f.read()
	if err != nil {
		http.Error(w, "cannot read a file of the web console: "+err.Error(), http.StatusInternalServerError)
		return
	}
	if packed {
		h.Set("Content-Encoding", "gzip")
		body = pack(body)
	}
	http.ServeContent(w, r, f.name, time.Time{}, bytes.NewReader(body))
}

// wanted is the name of the file that is asked for. It answers the request itself, and ok is false,
// if that is not a file's to do.
func wanted(w http.ResponseWriter, r *http.Request) (name string, ok bool) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET,HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return "", false
	}
	name, below := strings.CutPrefix(r.URL.Path, prefix)
	switch {
	case below:
		return strings.TrimPrefix(path.Clean("/"+name), "/"), true
	case r.URL.Path == "/" || r.URL.Path == strings.TrimSuffix(prefix, "/"):
		to := url.URL{Path: prefix, RawQuery: r.URL.RawQuery}
		w.Header().Set("Location", to.String())
		w.WriteHeader(http.StatusPermanentRedirect)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
	return "", false
}

// contentTypes are those of bundles. Not every system has a table of its own that knows them all.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".ico": "image/x-icon",
	".js": "text/javascript; charset=utf-8", ".json": "application/json",
	".map": "application/json", ".mjs": "text/javascript; charset=utf-8", ".png": "image/png",
	".svg": "image/svg+xml", ".ttf": "font/ttf", ".txt": "text/plain; charset=utf-8",
	".wasm": "application/wasm", ".webmanifest": "application/manifest+json",
	".woff": "font/woff", ".woff2": "font/woff2",
}

func contentType(name string) string {
	extension := strings.ToLower(path.Ext(name))
	if known := contentTypes[extension]; known != "" {
		return known
	}
	if known := mime.TypeByExtension(extension); known != "" {
		return known
	}
	return "application/octet-stream"
}

// packable tells whether a file becomes smaller by compression.
func packable(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".png", ".woff", ".woff2", ".ico":
		return false
	}
	return true
}

// pack compresses in memory, which cannot fail.
func pack(body []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err == nil {
		_, err = w.Write(body)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("compress in memory: %v", err))
	}
	return b.Bytes()
}
