package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
)

const manifestType = "application/vnd.restate.endpointmanifest.v4+json"

// Services of the cast. All of them do what the entry says whose key is their input.
const (
	canaryService = "Canary"        // object
	object        = "HostileObject" // version 7
	flow          = "HostileFlow"   // workflow, version 7
	plain         = "HostilePlain"  // service, version 7
	six           = "HostileSix"    // object, version 6
	hasty         = "HostileHasty"  // object with short timeouts
	polite        = "HostilePolite" // object that is sent all before it answers
)

// cast are the deployments that entries share: each plays what the entry of an input has set.
type cast struct {
	deployments []*http.Server

	mu    sync.Mutex
	plays map[string]*role // by key of the entry; guarded by mu
}

// role is what the deployments do for one entry.
type role struct {
	mu       sync.Mutex
	play     func(*attempt) // guarded by mu
	attempts int            // guarded by mu
	done     int            // attempts that have been played to their end; guarded by mu
}

func (r *role) set(play func(*attempt)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.play = play
}

func (r *role) started() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.attempts
}

func (r *role) played() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.done
}

// attempt is one request of the server as a deployment sees it.
type attempt struct {
	w       http.ResponseWriter
	r       *http.Request
	number  int // 1 for the first attempt
	id      string
	entries []frame // the journal, Input first
}

// accept answers 200 with the right content type.
func (a *attempt) accept() {
	a.w.Header().Set("content-type", a.r.Header.Get("content-type"))
	a.w.WriteHeader(http.StatusOK)
	a.flush()
}

func (a *attempt) flush() { _ = http.NewResponseController(a.w).Flush() }

// raw sends bytes; the stream is lost when that fails, which the server notices.
func (a *attempt) raw(b []byte) {
	if _, err := a.w.Write(b); err == nil {
		a.flush()
	}
}

func (a *attempt) send(frames ...frame) { a.raw(encode(frames...)) }

// behave plays an attempt as it should be.
func behave(a *attempt) {
	a.accept()
	a.send(finish()...)
}

func (c *cast) close() {
	for _, d := range c.deployments {
		_ = d.Close()
	}
}

// role makes the role of an entry.
func (c *cast) role(key string, play func(*attempt)) *role {
	r := &role{play: play}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.plays[key] = r
	return r
}

func (c *cast) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, err := newAttempt(w, r)
	if err != nil {
		return // the server has given the request up
	}
	input := string(bytesField(bytesField(a.entries[0].payload, 14), 1))
	c.mu.Lock()
	part := c.plays[input]
	c.mu.Unlock()
	if part == nil {
		behave(a)
		return
	}
	part.mu.Lock()
	part.attempts++
	a.number = part.attempts
	play := part.play
	part.mu.Unlock()
	defer func() {
		part.mu.Lock()
		defer part.mu.Unlock()
		part.done++
	}()
	play(a)
}

// newAttempt takes Start and the journal off a request.
func newAttempt(w http.ResponseWriter, r *http.Request) (*attempt, error) {
	start, err := readFrame(r.Body)
	if err != nil {
		return nil, err
	}
	a := &attempt{w: w, r: r, id: string(bytesField(start.payload, 2))}
	for range varintField(start.payload, 3) {
		e, err := readFrame(r.Body)
		if err != nil {
			return nil, err
		}
		a.entries = append(a.entries, e)
	}
	if len(a.entries) == 0 {
		return nil, errors.New("the journal has no Input")
	}
	return a, nil
}

// offer is a manifest.
type offer struct {
	ProtocolMode string         `json:"protocolMode"`
	Min          int            `json:"minProtocolVersion"`
	Max          int            `json:"maxProtocolVersion"`
	Services     []offerService `json:"services"`
}

type offerService struct {
	Name     string              `json:"name"`
	Ty       string              `json:"ty"`
	Handlers []map[string]string `json:"handlers"`

	InactivityTimeout *int `json:"inactivityTimeout,omitempty"`
	AbortTimeout      *int `json:"abortTimeout,omitempty"`
	InitialInterval   int  `json:"retryPolicyInitialInterval"`
	MaxInterval       int  `json:"retryPolicyMaxInterval"`
}

// offering is a manifest of services that are retried soon, but not so often that the retries of
// one area keep the server busy.
func offering(mode string, highest int, services ...offerService) offer {
	for i := range services {
		services[i].InitialInterval, services[i].MaxInterval = 50, 5000
	}
	return offer{ProtocolMode: mode, Min: 5, Max: highest, Services: services}
}

func objectService(name string) offerService {
	return offerService{Name: name, Ty: "VIRTUAL_OBJECT", Handlers: []map[string]string{
		{"name": "h"}, {"name": "shared", "ty": "SHARED"}}}
}

// hire starts and registers the cast.
func (s *suite) hire(ctx context.Context) (*cast, error) {
	c := &cast{plays: map[string]*role{}}
	short, long := 200, 300
	impatient := objectService(hasty)
	impatient.InactivityTimeout, impatient.AbortTimeout = &short, &long
	t := &trial{suite: s, ctx: ctx}
	for _, o := range []offer{
		offering("BIDI_STREAM", 7, objectService(canaryService), objectService(object), impatient,
			offerService{Name: plain, Ty: "SERVICE", Handlers: []map[string]string{{"name": "h"}}},
			offerService{Name: flow, Ty: "WORKFLOW", Handlers: []map[string]string{
				{"name": "h", "ty": "WORKFLOW"}, {"name": "shared", "ty": "SHARED"}}}),
		offering("BIDI_STREAM", 6, objectService(six)),
		offering("REQUEST_RESPONSE", 7, objectService(polite)),
	} {
		manifest, err := json.Marshal(o)
		if err != nil {
			return c, err
		}
		url, server, err := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/discover") {
				w.Header().Set("content-type", manifestType)
				_, _ = w.Write(manifest)
				return
			}
			c.ServeHTTP(w, r)
		}))
		if err != nil {
			return c, err
		}
		c.deployments = append(c.deployments, server)
		r, err := t.manage(http.MethodPost, "/deployments", fmt.Sprintf(`{"uri":%q}`, url))
		if err := wantStatus(r, err, http.StatusCreated); err != nil {
			return c, fmt.Errorf("register an honest deployment: %w", err)
		}
	}
	return c, nil
}

// serve starts a deployment that speaks cleartext HTTP/2; its owner closes it.
func serve(h http.Handler) (url string, s *http.Server, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listen for a deployment: %w", err)
	}
	s = &http.Server{Handler: h, Protocols: new(http.Protocols)}
	s.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = s.Serve(l) }() // ends when it is closed
	return "http://" + l.Addr().String(), s, nil
}
