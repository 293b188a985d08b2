package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// A server that says yes to everything must not pass a single check: a check that it passes
// proves nothing about a real server either.
func TestYesServerFailsEveryCheck(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("content-type", "application/json")
			_, _ = w.Write([]byte(`{}`))
		}))
	defer server.Close()
	services := &Services{sdk: "go", prefix: "Go", effects: filepath.Join(t.TempDir(), "none")}
	env := &Env{ingress: server.URL, admin: server.URL, client: server.Client(),
		h2: server.Client(), patience: checkTimeout,
		services: []*Services{services, {sdk: "ts", prefix: "Ts"}}}
	// Some checks would wait for what never comes; nothing passes later than this.
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for _, checks := range [][]Check{sdkChecks(), httpChecks(), wireChecks()} {
		for _, check := range checks {
			wg.Go(func() {
				if newCase(env, services).try(ctx, check.Run) == nil {
					t.Errorf("%s %s passes on a server that does nothing", check.ID, check.Title)
				}
			})
		}
	}
	for _, v := range survivors() {
		wg.Go(func() {
			c := newCase(env, services)
			if c.try(ctx, v.Before) == nil && c.try(ctx, v.After) == nil {
				t.Errorf("%s %s passes on a server that does nothing", v.ID, v.Title)
			}
		})
	}
	wg.Wait()
}

func TestFrameRoundTrip(t *testing.T) {
	sent := frame{kind: msgOutput, flags: 0x8000, payload: message{}.bytes(14, wrapped("1"))}
	got, err := readFrame(bytes.NewReader(sent.bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if got.kind != sent.kind || got.flags != sent.flags || !bytes.Equal(got.payload, sent.payload) {
		t.Fatalf("got %+v, want %+v", got, sent)
	}
	f, err := parse(got.payload)
	if err != nil {
		t.Fatal(err)
	}
	if f.text(14) != string(wrapped("1")) {
		t.Fatalf("field 14 is %q", f.text(14))
	}
	for cut := range len(sent.bytes()) {
		if _, err := readFrame(bytes.NewReader(sent.bytes()[:cut])); err == nil {
			t.Errorf("a frame cut after %d bytes is read", cut)
		}
	}
}

func TestDecodeID(t *testing.T) {
	raw, err := decodeID("inv_151ekK9xzEcb6ZLmGwxcyOyuD4coBjF0e0")
	if err != nil {
		t.Fatal(err)
	}
	const want = "eb515b5b172a783aace3f37bffcdbc7693e50bf59b76dfe5"
	if got := hex.EncodeToString(raw); got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	for _, bad := range []string{"", "inv_1", "inv_1" + "!51ekK9xzEcb6ZLmGwxcyOyuD4coBjF0e0",
		"inv_1ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ"} {
		if _, err := decodeID(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
