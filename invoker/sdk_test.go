package invoker

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	restate "github.com/restatedev/sdk-go"
	"github.com/restatedev/sdk-go/server"

	"github.com/perdure/perdure/invoker/endpoint"
	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/discovery"
)

// sdkService runs real handlers; its counters tell how often what ran.
type sdkService struct {
	steps  [3]atomic.Int32
	tries  atomic.Int32
	failAt atomic.Int32 // the first try fails after this step
	http11 bool         // serve HTTP/1.1 only
}

// ServiceName names the service.
func (s *sdkService) ServiceName() string { return "Steps" }

func (s *sdkService) Workflow(ctx restate.Context, name string) (string, error) {
	try := s.tries.Add(1)
	for i := range s.steps {
		part, err := restate.Run(ctx, func(restate.RunContext) (string, error) {
			s.steps[i].Add(1)
			return string(rune('a' + i)), nil
		})
		if err != nil {
			return "", err
		}
		name += part
		if try == 1 && s.failAt.Load() == int32(i+1) {
			return "", errors.New("not yet")
		}
	}
	return name, nil
}

func (s *sdkService) Nap(ctx restate.Context, millis int) (string, error) {
	return "rested", restate.Sleep(ctx, time.Duration(millis)*time.Millisecond)
}

func (s *sdkService) Echo(ctx restate.Context, text string) (string, error) {
	return restate.Service[string](ctx, "Steps", "Echo").Request(text)
}

func (s *sdkService) Refuse(restate.Context, string) (string, error) {
	return "", restate.ToTerminalError(errors.New("never"), restate.WithErrorCode(418))
}

// startSDK serves the handlers with the real SDK and discovers them as registration does.
func startSDK(t *testing.T, svc *sdkService, bidi bool, client *endpoint.Client, keys ...string) fixedSchema {
	t.Helper()
	quiet := slog.NewTextHandler(nowhere{}, &slog.HandlerOptions{Level: slog.LevelError + 1})
	sdk := server.NewRestate().WithLogger(quiet, true).Bidirectional(bidi).Bind(restate.Reflect(svc))
	if len(keys) > 0 {
		sdk = sdk.WithIdentityV1(keys...)
	}
	h, err := sdk.Handler()
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(h)
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetHTTP1(svc.http11)
	srv.Config.Protocols.SetUnencryptedHTTP2(!svc.http11)
	srv.Start()
	t.Cleanup(srv.Close)
	raw, err := client.Discover(context.Background(), srv.URL, nil, svc.http11)
	if err != nil {
		t.Fatal(err)
	}
	m, err := discovery.Decode(discovery.Response{ContentType: raw.ContentType, Body: raw.Body})
	if err != nil {
		t.Fatal(err)
	}
	s, _, _, err := schema.Empty(schema.StandardDefaults()).Register(schema.Registration{
		Address:  schema.Address{Kind: schema.DeploymentHTTP, URI: srv.URL, HTTPVersion: raw.HTTPVersion},
		Manifest: m, ID: testDeployment,
	})
	if err != nil {
		t.Fatal(err)
	}
	return fixedSchema{s}
}

type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

func sdkWorld(t *testing.T, svc *sdkService, bidi bool) *world {
	t.Helper()
	return sdkWorldWith(t, svc, bidi, endpoint.Config{})
}

func sdkWorldWith(t *testing.T, svc *sdkService, bidi bool, cfg endpoint.Config, keys ...string) *world {
	t.Helper()
	client, err := endpoint.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	i, err := New(Config{}, startSDK(t, svc, bidi, client, keys...), client, Events{})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.lead(i)
	return w
}

func sdkTarget(handler string) protocol.Target {
	return protocol.Target{Kind: protocol.KindService, Service: "Steps", Handler: handler}
}

func TestSDKWorkflow(t *testing.T) {
	for _, mode := range []string{"bidi", "request/response", "HTTP/1.1"} {
		svc := &sdkService{http11: mode == "HTTP/1.1"}
		w := sdkWorld(t, svc, mode != "request/response")
		w.invoke(sdkTarget("Workflow"), `"x"`)
		h := w.await()
		if h.state != "completed" || string(h.result.Value.Inline) != `"xabc"` {
			t.Fatalf("%s: %s %q %v", mode, h.state, h.result.Value.Inline, h.transient)
		}
		for i := range svc.steps {
			if n := svc.steps[i].Load(); n != 1 {
				t.Errorf("%s: step %d ran %d times", mode, i+1, n)
			}
		}
	}
}

// A try that fails after some steps is followed by one that does not run them again.
func TestSDKReplay(t *testing.T) {
	for failAt := range int32(4) {
		svc := new(sdkService)
		svc.failAt.Store(failAt)
		w := sdkWorld(t, svc, true)
		w.invoke(sdkTarget("Workflow"), `"x"`)
		h := w.await()
		if h.state != "completed" || string(h.result.Value.Inline) != `"xabc"` {
			t.Fatalf("fail after %d: %s %q", failAt, h.state, h.result.Value.Inline)
		}
		for i := range svc.steps {
			if n := svc.steps[i].Load(); n != 1 {
				t.Errorf("fail after %d: step %d ran %d times", failAt, i+1, n)
			}
		}
		if failAt > 0 && (len(h.transient) != 1 || h.transient[0].Failure.Message == "" ||
			h.transient[0].DocCode != docHandlerFailed) {
			t.Errorf("fail after %d: told the log %+v", failAt, h.transient)
		}
	}
}

// Aborting in the middle and starting under the next attempt number replays too.
func TestSDKRestartInTheMiddle(t *testing.T) {
	svc := new(sdkService)
	w := sdkWorld(t, svc, true)
	id := w.invoke(sdkTarget("Workflow"), `"x"`)
	w.do(func() {
		h := w.all[id]
		if h.state == "invoked" {
			w.p.Abort(id)
			h.snapshot.Attempt++
			w.p.Start(id, h.snapshot.Target, h.snapshot.Attempt)
		}
	})
	if h := w.await(); string(h.result.Value.Inline) != `"xabc"` {
		t.Fatalf("%s %q", h.state, h.result.Value.Inline)
	}
}

func TestSDKSleepCallAndFailure(t *testing.T) {
	for _, bidi := range []bool{true, false} {
		w := sdkWorld(t, new(sdkService), bidi)
		w.invoke(sdkTarget("Nap"), "30")
		if h := w.await(); string(h.result.Value.Inline) != `"rested"` {
			t.Fatalf("bidi %v: sleep: %s %q %+v", bidi, h.state, h.result.Value.Inline, h.transient)
		}
		w.invoke(sdkTarget("Echo"), `"hello"`)
		if h := w.await(); string(h.result.Value.Inline) != `"hello"` {
			t.Fatalf("bidi %v: call: %s %q %+v", bidi, h.state, h.result.Value.Inline, h.transient)
		}
		w.invoke(sdkTarget("Refuse"), `"x"`)
		if h := w.await(); h.state != "completed" || h.result.Failure == nil || h.result.Failure.Code != 418 {
			t.Fatalf("bidi %v: refusal: %s %+v", bidi, h.state, h.result)
		}
		id := w.invoke(sdkTarget("Nap"), "3600000")
		w.cancel(id)
		if h := w.await(); h.result.Failure == nil || h.result.Failure.Code != 409 {
			t.Fatalf("bidi %v: cancel: %s %+v", bidi, h.state, h.result)
		}
	}
}

// The SDK accepts the signatures of discovery and of invocations.
func TestSDKIdentity(t *testing.T) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	svc := new(sdkService)
	w := sdkWorldWith(t, svc, true, endpoint.Config{IdentityKey: key}, endpoint.PublicKeyID(key))
	w.invoke(sdkTarget("Workflow"), `"x"`)
	if h := w.await(); h.state != "completed" || len(h.transient) != 0 {
		t.Fatalf("%s %+v", h.state, h.transient)
	}
}

func TestUnknownService(t *testing.T) {
	svc := new(sdkService)
	w := sdkWorld(t, svc, true)
	id := w.invoke(protocol.Target{Kind: protocol.KindService, Service: "Missing", Handler: "h"}, "")
	deadline := time.Now().Add(20 * time.Second)
	for {
		if s, ok := w.p.Status(id); ok && s.LastFailure != nil {
			if s.LastFailure.DocCode != docNoDeployment || s.NextRetry.IsZero() || s.InFlight {
				t.Fatalf("status %+v", s)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the failure is not shown")
		}
		time.Sleep(time.Millisecond)
	}
}
