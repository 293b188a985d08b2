package floor

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const (
	maxInputBytes     = 4 << 20
	shutdownTimeout   = 2 * time.Second
	readHeaderTimeout = time.Minute
)

// scenarios are those of the benchmark that need nothing but steps and a value.
var scenarios = []string{"three-step", "echo"}

// Plays reports whether the calls of a scenario of the benchmark can be played.
func Plays(scenario string) bool {
	for _, name := range scenarios {
		if name == scenario {
			return true
		}
	}
	return false
}

// Server is what the benchmark takes for a server.
type Server struct {
	disk   *disk
	client *http.Transport
	target atomic.Pointer[string] // address of the service; nil before it is registered
}

// New makes a Server with its file in dir.
func New(dir string) (*Server, error) {
	disk, err := openDisk(dir)
	if err != nil {
		return nil, fmt.Errorf("start the floor: %w", err)
	}
	s := &Server{disk: disk, client: &http.Transport{DisableCompression: true}}
	s.client.Protocols = new(http.Protocols)
	s.client.Protocols.SetUnencryptedHTTP2(true)
	return s, nil
}

// Close removes the file. Serve must have returned.
func (s *Server) Close() error {
	s.client.CloseIdleConnections()
	return s.disk.close()
}

func (s *Server) deployment() string {
	if uri := s.target.Load(); uri != nil {
		return *uri
	}
	return ""
}

// Serve answers on both listeners until ctx ends.
func (s *Server) Serve(ctx context.Context, ingress, admin net.Listener) error {
	servers := []*http.Server{
		{Handler: s.ingress(), ReadHeaderTimeout: readHeaderTimeout},
		{Handler: s.admin(), ReadHeaderTimeout: readHeaderTimeout},
	}
	ended := make(chan error, len(servers))
	for i, listener := range []net.Listener{ingress, admin} {
		go func() { ended <- servers[i].Serve(listener) }()
	}
	var first error
	left := len(servers)
	select {
	case <-ctx.Done():
	case first = <-ended:
		left--
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	for _, server := range servers {
		if server.Shutdown(grace) != nil {
			_ = server.Close() // the calls that are left have nobody to wait for them
		}
	}
	for range left {
		first = errors.Join(first, <-ended)
	}
	if first != nil && ctx.Err() == nil {
		return fmt.Errorf("serve the floor: %w", first)
	}
	return nil
}

func (s *Server) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /deployments", func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			URI string `json:"uri"`
		}
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxInputBytes)).Decode(&asked)
		if err == nil {
			_, err = url.Parse(asked.URI)
		}
		if err != nil || asked.URI == "" {
			http.Error(w, `give the service's address: {"uri": "http://HOST:PORT"}`,
				http.StatusBadRequest)
			return
		}
		uri := strings.TrimSuffix(asked.URI, "/")
		s.target.Store(&uri)
		w.WriteHeader(http.StatusCreated)
	})
	return mux
}

func (s *Server) ingress() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /restate/health", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /{service}/{handler}", s.call)
	mux.HandleFunc("POST /{service}/{key}/{handler}", s.call)
	return mux
}

func (s *Server) call(w http.ResponseWriter, r *http.Request) {
	if s.deployment() == "" {
		http.Error(w, "no service is registered; POST /deployments first", http.StatusNotFound)
		return
	}
	input, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxInputBytes))
	if err != nil {
		http.Error(w, "read the input: "+err.Error(), http.StatusBadRequest)
		return
	}
	i := invocation{
		server: s, input: input, key: r.PathValue("key"),
		path: "/invoke/" + r.PathValue("service") + "/" + r.PathValue("handler"),
	}
	rand.Read(i.id[:])
	output, err := i.run(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(output) // fails only when the caller is gone
}
