package admin

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	restate "github.com/restatedev/sdk-go"
	"github.com/restatedev/sdk-go/server"

	"github.com/perdure/perdure/invoker/endpoint"
)

type greeter struct{}

func (greeter) Greet(_ restate.Context, name string) (string, error) { return "Hello " + name, nil }

type counter struct{}

func (counter) Add(_ restate.ObjectContext, n int) (int, error)     { return n, nil }
func (counter) Get(_ restate.ObjectSharedContext) (int, error)      { return 0, nil }
func (counter) Reset(_ restate.ObjectContext, _ restate.Void) error { return nil }

// TestOfficialSDK registers a service made with the official SDK, over HTTP/2 and over HTTP/1.1.
func TestOfficialSDK(t *testing.T) {
	handler, err := server.NewRestate().Bind(restate.Reflect(greeter{})).
		Bind(restate.Reflect(counter{})).Handler()
	if err != nil {
		t.Fatal(err)
	}
	sdk := httptest.NewUnstartedServer(handler)
	sdk.Config.Protocols = new(http.Protocols)
	sdk.Config.Protocols.SetHTTP1(true)
	sdk.Config.Protocols.SetUnencryptedHTTP2(true)
	sdk.Start()
	defer sdk.Close()
	client, err := endpoint.New(endpoint.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	w := newWorld(t, Config{}, false)
	w.Handler.discoverer = client
	for _, c := range []struct {
		options string
		http    string
	}{
		{``, endpoint.HTTP2},
		{`,"use_http_11":true,"force":true`, endpoint.HTTP11},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/deployments",
			strings.NewReader(`{"uri":"`+sdk.URL+`"`+c.options+`}`))
		r.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, r)
		if rec.Code/100 != 2 {
			t.Fatalf("%s: %d %s", c.options, rec.Code, rec.Body)
		}
		add, err := w.registry.Current().Resolve("counter", "Add")
		if err != nil {
			t.Fatal(err)
		}
		d := add.Deployment
		if d.HTTPVersion != c.http || d.MaxProtocolVersion < 5 || !strings.HasPrefix(d.SDKVersion, "restate-sdk-go/") {
			t.Errorf("%s: registered as %+v", c.options, d)
		}
		if add.Handler.Input.ContentType != "application/json" {
			t.Errorf("Add takes %+v", add.Handler.Input)
		}
		get, err := w.registry.Current().Resolve("counter", "Get")
		if err != nil || !get.Handler.Input.EmptyOnly {
			t.Errorf("Get takes %+v, %v", get, err)
		}
	}
}
