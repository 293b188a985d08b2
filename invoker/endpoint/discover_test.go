package endpoint

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/protocol"
)

func TestDiscover(t *testing.T) {
	handler := func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "GET" || r.URL.Path != "/p/discover" || r.Header.Get("X-Mine") != "1" ||
			r.Header.Get("Accept") != strings.Join(ManifestTypes, ", ") ||
			r.Header.Get("X-Restate-Cluster-Name") != "c" {
			w.WriteHeader(400)
			return
		}
		w.Header().Set("Content-Type", ManifestTypes[3])
		w.Header().Set("X-Restate-Server", "sdk/1")
		io.WriteString(w, `{}`)
	}
	secure := httptest.NewUnstartedServer(http.HandlerFunc(handler))
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(secure.Close)
	roots := secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	c := newClient(t, Config{
		Headers: []protocol.KeyValue{{Key: "x-restate-cluster-name", Value: "c"}},
		TLS:     &tls.Config{RootCAs: roots},
	})
	plain1, plain2 := serve(t, HTTP11, handler), serve(t, HTTP2, handler)
	for _, test := range []struct {
		url    string
		http11 bool
		want   string
	}{
		{plain1.URL, true, HTTP11}, {plain2.URL, false, HTTP2},
		{secure.URL, false, HTTP2}, {secure.URL, true, HTTP11},
	} {
		m, err := c.Discover(context.Background(), test.url+"/p",
			[]protocol.KeyValue{{Key: "x-mine", Value: "1"}}, test.http11)
		if err != nil {
			t.Fatalf("%s %v: %v", test.url, test.http11, err)
		}
		if m.HTTPVersion != test.want || m.ContentType != ManifestTypes[3] ||
			m.ServerHeader != "sdk/1" || string(m.Body) != "{}" {
			t.Errorf("%s %v: %+v, want %s", test.url, test.http11, m, test.want)
		}
	}
}

func TestDiscoverFailures(t *testing.T) {
	var calls atomic.Int32
	status, contentType := 200, ""
	handler := func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		w.WriteHeader(status)
		io.WriteString(w, "the body")
	}
	h2, h1 := serve(t, HTTP2, handler), serve(t, HTTP11, handler)
	c := newClient(t, Config{})
	for _, test := range []struct {
		url         string
		status      int
		contentType string
		code        string
		tries       int32
	}{
		{h2.URL, 404, "", CodeBadStatus, 1},
		{h2.URL, 403, "", CodeBadStatus, 1},
		{h2.URL, 503, "", CodeBadStatus, maxDiscoverTries},
		{h2.URL, 200, "", CodeBadManifest, 1},
		{h2.URL, 200, "application/json", CodeBadManifest, 1},
		{h2.URL, 200, ManifestTypes[0] + "; charset=utf-8", CodeBadManifest, 1},
		{h1.URL, 200, ManifestTypes[0], CodeHTTP11Peer, -1},
		{"http://127.0.0.1:1", 0, "", CodeBadStatus, 0},
	} {
		status, contentType = max(test.status, 200), test.contentType
		calls.Store(0)
		_, err := c.Discover(context.Background(), test.url, nil, false)
		var de *DiscoverError
		if !errors.As(err, &de) || de.Code != test.code || de.Status != test.status && test.status != 200 {
			t.Errorf("%d %q: %v, want %s", test.status, test.contentType, err, test.code)
		}
		if n := calls.Load(); n != test.tries && test.tries >= 0 {
			t.Errorf("%d %q: %d tries, want %d", test.status, test.contentType, n, test.tries)
		}
	}
}

func TestDiscoverStopsWithContext(t *testing.T) {
	srv := serve(t, HTTP2, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c := newClient(t, Config{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Discover(ctx, srv.URL, nil, false); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func TestIdentity(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParseIdentityKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil || !key.Equal(private) {
		t.Fatalf("parse key: %v", err)
	}
	got := make(chan http.Header, 1)
	srv := serve(t, HTTP2, func(w http.ResponseWriter, r *http.Request) { got <- r.Header })
	c := newClient(t, Config{IdentityKey: key})
	r := newRecorder()
	s, err := c.Open(context.Background(), Request{
		Address: srv.URL + "/prefix", HTTPVersion: HTTP2, Path: "/invoke/S/h", Subject: "k",
	}, r)
	if err != nil {
		t.Fatal(err)
	}
	s.CloseSend()
	h := await(t, "request", got)
	if h.Get("X-Restate-Signature-Scheme") != "v1" {
		t.Errorf("scheme %q", h.Get("X-Restate-Signature-Scheme"))
	}
	parts := strings.Split(h.Get("X-Restate-Jwt-V1"), ".")
	if len(parts) != 3 {
		t.Fatalf("token %q", parts)
	}
	signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
	if !ed25519.Verify(public, []byte(parts[0]+"."+parts[1]), signature) {
		t.Error("the signature does not verify")
	}
	var header, claims map[string]any
	for i, dst := range []*map[string]any{&header, &claims} {
		text, _ := base64.RawURLEncoding.DecodeString(parts[i])
		if err := json.Unmarshal(text, dst); err != nil {
			t.Fatal(err)
		}
	}
	if header["typ"] != "JWT" || header["alg"] != "EdDSA" || header["kid"] != PublicKeyID(private) {
		t.Errorf("header %v", header)
	}
	if claims["aud"] != "/invoke/S/h" || claims["sub"] != "k" {
		t.Errorf("claims %v", claims)
	}
	iat, nbf, exp := claims["iat"].(float64), claims["nbf"].(float64), claims["exp"].(float64)
	if iat-nbf != 60 || exp-iat != 60 || time.Since(time.Unix(int64(iat), 0)).Abs() > time.Hour {
		t.Errorf("claims %v", claims)
	}
	for _, bad := range []string{"", "x", string(pem.EncodeToMemory(&pem.Block{Bytes: []byte{1}}))} {
		if _, err := ParseIdentityKey([]byte(bad)); err == nil {
			t.Errorf("key %q was accepted", bad)
		}
	}
}

func TestBase58(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "\x00": "1", "Hello World!": "2NEpo7TZRRrLZSi2U", "\x00\x00\x28\x7f\xb4\xcd": "11233QC4",
	} {
		if got := base58([]byte(in)); got != want {
			t.Errorf("base58(%q) = %q, want %q", in, got, want)
		}
	}
}
