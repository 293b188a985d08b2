package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

const (
	drainTimeout        = 5 * time.Second  // for requests in flight when the node stops
	readHeaderTimeout   = 30 * time.Second // a client that is slower is cut off
	idleTimeout         = 5 * time.Minute
	maxHeaderBytes      = 1 << 20
	http2StreamsPerConn = 1000 // requests one HTTP/2 connection may run at once
	// http2StreamWindow is how many unread bytes of a request are taken in. A connection takes that
	// for all its requests: those whose bodies wait to be read must not keep the others from coming.
	http2StreamWindow = 128 << 10
	http2MaxWindow    = 1 << 30
)

// endpointServer serves one handler on a port, on a socket file, or on both.
type endpointServer struct {
	name      string
	server    *http.Server
	listeners []net.Listener
	address   string // for people: where it can be reached
}

// listen opens the listeners of one endpoint; serve starts to accept. HTTP/1.1 and HTTP/2 with
// prior knowledge share them.
func listen(name string, l Listener, socket string, h http.Handler, streams int, log *slog.Logger) (
	*endpointServer, error,
) {
	if streams == 0 {
		streams = http2StreamsPerConn
	}
	e := &endpointServer{name: name, server: &http.Server{
		Handler: h, ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaderBytes, Protocols: new(http.Protocols),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          streams,
			MaxReceiveBufferPerStream:     http2StreamWindow,
			MaxReceiveBufferPerConnection: min(http2StreamWindow*streams, http2MaxWindow),
		},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
	e.server.Protocols.SetHTTP1(true)
	e.server.Protocols.SetUnencryptedHTTP2(true)
	if l.ListensTCP() {
		tcp, err := net.Listen("tcp", l.BindAddress())
		if err != nil {
			return nil, fmt.Errorf("listen for %s: %w; is another server running? choose another "+
				"port with --%s", name, err, portFlag(name))
		}
		e.address = l.Advertised(tcp.Addr().(*net.TCPAddr).Port)
		e.listeners = append(e.listeners, tcp)
	}
	if l.ListensUnix() {
		unix, err := listenUnix(socket)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listen for %s: %w", name, err), e.closeListeners())
		}
		e.listeners = append(e.listeners, unix)
		if e.address == "" {
			e.address = "unix:" + socket
		}
	}
	return e, nil
}

func portFlag(name string) string {
	if name == "fabric" {
		return "bind-port"
	}
	return name + "-bind-port"
}

// maxSocketPath is the longest path of a socket file that every system takes.
const maxSocketPath = 100

// listenUnix opens a socket file; one that a crashed server left behind is replaced. The path of a
// socket may only be short, so a long one is opened relative to the working directory.
func listenUnix(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		if wd, err := os.Getwd(); err == nil {
			if rel, err := filepath.Rel(wd, path); err == nil && len(rel) < len(path) {
				path = rel
			}
		}
	}
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("socket file %s: its path is longer than %d bytes; "+
			"use a shorter --base-dir or --listen-mode tcp", path, maxSocketPath)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove the old socket file: %w", err)
	}
	return net.Listen("unix", path)
}

func (e *endpointServer) closeListeners() error {
	var errs []error
	for _, l := range e.listeners {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// serve accepts until shutdown; failures go to failed.
func (e *endpointServer) serve(failed func(error)) {
	for _, l := range e.listeners {
		go func() {
			if err := e.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed(fmt.Errorf("serve %s: %w", e.name, err))
			}
		}()
	}
}

// shutdown stops accepting and gives requests in flight a moment to end.
func (e *endpointServer) shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := e.server.Shutdown(ctx); err != nil {
		_ = e.server.Close() // what is still in flight is cut off
	}
	_ = e.closeListeners() // of a server that never served
}
