package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

const manifestType = "application/vnd.restate.endpointmanifest.v4+json"

// manifest is what a hand-made deployment offers.
type manifest struct {
	ProtocolMode string        `json:"protocolMode"`
	Min          int           `json:"minProtocolVersion"`
	Max          int           `json:"maxProtocolVersion"`
	Services     []fakeService `json:"services"`
}

type fakeService struct {
	Name     string        `json:"name"`
	Ty       string        `json:"ty"`
	Handlers []fakeHandler `json:"handlers"`

	InactivityTimeout          *int   `json:"inactivityTimeout,omitempty"`
	AbortTimeout               *int   `json:"abortTimeout,omitempty"`
	JournalRetention           *int   `json:"journalRetention,omitempty"`
	IdempotencyRetention       *int   `json:"idempotencyRetention,omitempty"`
	EnableLazyState            *bool  `json:"enableLazyState,omitempty"`
	RetryPolicyInitialInterval *int   `json:"retryPolicyInitialInterval,omitempty"`
	RetryPolicyMaxInterval     *int   `json:"retryPolicyMaxInterval,omitempty"`
	RetryPolicyMaxAttempts     *int   `json:"retryPolicyMaxAttempts,omitempty"`
	RetryPolicyOnMaxAttempts   string `json:"retryPolicyOnMaxAttempts,omitempty"`
}

type fakeHandler struct {
	Name   string `json:"name"`
	Ty     string `json:"ty,omitempty"`
	Input  any    `json:"input,omitempty"`
	Output any    `json:"output,omitempty"`

	WorkflowCompletionRetention *int `json:"workflowCompletionRetention,omitempty"`
}

// attempt is one invoke request as a hand-made deployment sees it.
type attempt struct {
	w       http.ResponseWriter
	r       *http.Request
	number  int // 1 for the first attempt of the handler
	handler string
	start   fields
	entries []frame // what is in the journal already, Input first
	err     error   // reading start or entries
}

// send writes frames; the stream is lost when that fails, which the server notices.
func (a *attempt) send(frames ...frame) {
	for _, f := range frames {
		if _, err := a.w.Write(f.bytes()); err != nil {
			return
		}
	}
	_ = http.NewResponseController(a.w).Flush()
}

// accept answers 200 with the content type of the request, as the protocol asks for.
func (a *attempt) accept() {
	a.w.Header().Set("content-type", a.r.Header.Get("content-type"))
	a.w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(a.w).Flush()
}

// finish accepts the attempt and ends the invocation with a JSON result.
func (a *attempt) finish(json string) {
	a.accept()
	a.send(outputFrame(json), endFrame())
}

// fake is a deployment played by the suite. Its manifest may change between discoveries.
type fake struct {
	url string
	id  string // deployment ID, once registered

	mu          sync.Mutex
	offer       manifest                  // guarded by mu
	play        map[string]func(*attempt) // by handler; guarded by mu
	count       map[string]int            // attempts by handler; guarded by mu
	discoveries []http.Header             // guarded by mu
}

// newFake starts a deployment that speaks cleartext HTTP/2, and HTTP/1.1 if old is set.
// It is stopped at the end of the case.
func (c *Case) newFake(offer manifest, old bool, play map[string]func(*attempt)) *fake {
	listener, err := listenFresh()
	c.must("listen", err)
	f := &fake{url: "http://" + listener.Addr().String(), offer: offer, play: play,
		count: map[string]int{}}
	server := &http.Server{Handler: f, Protocols: new(http.Protocols)}
	server.Protocols.SetUnencryptedHTTP2(!old)
	server.Protocols.SetHTTP1(old)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // ends when the case closes it
	}()
	c.atEnd(func() {
		_ = server.Close()
		<-done
	})
	return f
}

// register registers the fake and expects it to be accepted; extra is merged into the body.
func (c *Case) register(f *fake, extra map[string]any) reply {
	body := map[string]any{"uri": f.url}
	for key, v := range extra {
		body[key] = v
	}
	c.registering.Lock()
	defer c.registering.Unlock()
	r := c.rule(http.MethodPost, "/deployments", body)
	if r.status != http.StatusCreated && r.status != http.StatusOK {
		c.failf("%s", r)
	}
	var out struct {
		ID string `json:"id"`
	}
	c.decode(r, &out)
	f.id = out.ID
	return r
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/discover") {
		f.discover(w, r)
		return
	}
	handler := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	f.mu.Lock()
	f.count[handler]++
	a := &attempt{w: w, r: r, number: f.count[handler], handler: handler}
	play := f.play[handler]
	f.mu.Unlock()
	if play == nil {
		http.NotFound(w, r)
		return
	}
	a.read()
	play(a)
}

func (f *fake) discover(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.discoveries = append(f.discoveries, r.Header.Clone())
	w.Header().Set("content-type", manifestType)
	w.Header().Set("x-restate-server", "conformance/1.0")
	_ = json.NewEncoder(w).Encode(f.offer)
}

// discovery returns the headers of the first discovery.
func (c *Case) discovery(f *fake) http.Header {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.discoveries) == 0 {
		c.failf("the deployment was not discovered")
	}
	return f.discoveries[0]
}

// read takes the start message and the journal off the request.
func (a *attempt) read() {
	first, err := readFrame(a.r.Body)
	if err != nil {
		a.err = err
		return
	}
	if first.kind != msgStart {
		a.err = fmt.Errorf("the first frame is %#04x, not Start", first.kind)
		return
	}
	if a.start, a.err = parse(first.payload); a.err != nil {
		return
	}
	for range a.start.varints[3] {
		entry, err := readFrame(a.r.Body)
		if err != nil {
			a.err = err
			return
		}
		a.entries = append(a.entries, entry)
	}
	if len(a.entries) == 0 || a.entries[0].kind != msgInput {
		a.err = fmt.Errorf("the journal does not begin with Input: %v", a.entries)
	}
}

// next returns the next frame of the server, or io.EOF when it has closed its side.
func (a *attempt) next() (frame, error) { return readFrame(a.r.Body) }

// drain reads until the server closes its side.
func (a *attempt) drain() { _, _ = io.Copy(io.Discard, a.r.Body) }

func (f *fake) attempts(handler string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count[handler]
}

func (f *fake) set(handler string, play func(*attempt)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.play[handler] = play
}

func (f *fake) change(edit func(*manifest)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	edit(&f.offer)
}

// offering is a manifest of one service that is retried quickly.
func offering(mode, name, ty string, handlers ...fakeHandler) manifest {
	initial, longest := 50, 200
	return manifest{ProtocolMode: mode, Min: 5, Max: 6, Services: []fakeService{{
		Name: name, Ty: ty, Handlers: handlers,
		RetryPolicyInitialInterval: &initial, RetryPolicyMaxInterval: &longest,
	}}}
}

const (
	bidi            = "BIDI_STREAM"
	requestResponse = "REQUEST_RESPONSE"
)

// unique makes a service name of this case: letters and digits only.
func (c *Case) unique(base string) string {
	return base + strings.ReplaceAll(c.id, "-", "x")
}
