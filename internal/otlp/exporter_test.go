package otlp

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/wire"
)

func testSpan(name string) Span {
	return Span{
		Context: protocol.TraceContext{TraceID: [16]byte{1}, SpanID: [8]byte{2}, State: "a=b"},
		Parent:  [8]byte{3}, Name: name, Kind: Server,
		Start: time.Unix(1, 2), End: time.Unix(3, 4),
		Attributes: []protocol.KeyValue{{Key: "k", Value: "v"}}, Failure: "no",
	}
}

// The bytes are what the published definition of OTLP says: field by field.
func TestRequest(t *testing.T) {
	got := appendRequest(nil, []protocol.KeyValue{{Key: "service.name", Value: "x"}},
		[]Span{testSpan("n")})
	fields := func(b []byte) map[wire.Number][][]byte {
		out := map[wire.Number][][]byte{}
		d := wire.NewDecoder(b)
		for d.Next() {
			switch d.Field() {
			case 6:
				out[6] = append(out[6], []byte{byte(d.Uint64())})
			case 7, 8:
				out[d.Field()] = append(out[d.Field()], binary.BigEndian.AppendUint64(nil, d.Fixed64()))
			default:
				out[d.Field()] = append(out[d.Field()], d.Bytes())
			}
		}
		if d.Err() != nil {
			t.Fatalf("decode %x: %v", b, d.Err())
		}
		return out
	}
	resourceSpans := fields(fields(got)[1][0])
	attribute := fields(fields(resourceSpans[1][0])[1][0])
	if string(attribute[1][0]) != "service.name" || string(fields(attribute[2][0])[1][0]) != "x" {
		t.Errorf("resource attribute %q", attribute)
	}
	span := fields(fields(resourceSpans[2][0])[2][0])
	for num, want := range map[wire.Number]string{
		1: "01000000000000000000000000000000", 2: "0200000000000000", 3: hex.EncodeToString([]byte("a=b")),
		4: "0300000000000000", 5: hex.EncodeToString([]byte("n")), 6: "02",
		7: "000000003b9aca02", 8: "00000000b2d05e04",
	} {
		if len(span[num]) != 1 || hex.EncodeToString(span[num][0]) != want {
			t.Errorf("field %d is %x, want %s", num, span[num], want)
		}
	}
	if !bytes.Equal(span[15][0], []byte{0x12, 2, 'n', 'o', 0x18, 2}) {
		t.Errorf("status is %x", span[15])
	}
}

// collect runs a collector and returns what an exporter sends it of two spans.
func collect(t *testing.T, scheme string, answer http.HandlerFunc) (path string, body []byte, lost error) {
	t.Helper()
	got := make(chan []byte, 1)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		path = r.URL.Path + " " + r.Header.Get("Content-Type") + " " + r.Header.Get("X-Key")
		got <- b
		answer(w, r)
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	defer s.Close()
	e, err := New(Config{
		Endpoint: scheme + strings.TrimPrefix(s.URL, "http"), Headers: map[string]string{"x-key": "1"},
		Lost: func(_ int, err error) { lost = err },
	})
	if err != nil {
		t.Fatal(err)
	}
	e.Add(testSpan("one"))
	e.Add(testSpan("two"))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	e.Run(ctx)
	return path, <-got, lost
}

func TestExport(t *testing.T) {
	want := appendRequest(nil, nil, []Span{testSpan("one"), testSpan("two")})
	path, body, lost := collect(t, "otlp+http", func(http.ResponseWriter, *http.Request) {})
	if path != "/v1/traces application/x-protobuf 1" || !bytes.Equal(body, want) || lost != nil {
		t.Errorf("over HTTP: %s got %x, lost %v", path, body, lost)
	}
	path, body, lost = collect(t, "http", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
	})
	framed := append([]byte{0, 0, 0, 0, byte(len(want))}, want...)
	if len(want) > 255 {
		binary.BigEndian.PutUint32(framed[1:], uint32(len(want)))
	}
	if path != grpcPath+" application/grpc 1" || !bytes.Equal(body, framed) || lost != nil {
		t.Errorf("over gRPC: %s got %x, lost %v", path, body, lost)
	}
}

func TestRefusals(t *testing.T) {
	_, _, lost := collect(t, "otlp+http", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	if lost == nil || !strings.Contains(lost.Error(), "503") {
		t.Errorf("over HTTP: lost %v", lost)
	}
	_, _, lost = collect(t, "http", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Grpc-Status", "14")
		w.Header().Set("Grpc-Message", "away")
	})
	if lost == nil || !strings.Contains(lost.Error(), "away") {
		t.Errorf("over gRPC: lost %v", lost)
	}
	for _, endpoint := range []string{"", "ftp://x", "otlp+http://", "http//x"} {
		if _, err := New(Config{Endpoint: endpoint}); err == nil {
			t.Errorf("%q was taken for an endpoint", endpoint)
		}
	}
}

// A collector that does not answer costs spans, not memory and not time.
func TestFullQueue(t *testing.T) {
	var told error
	e, err := New(Config{Endpoint: "http://127.0.0.1:9", Lost: func(n int, err error) {
		told = errors.Join(told, err)
	}})
	if err != nil {
		t.Fatal(err)
	}
	for range maxQueued + 5 {
		e.Add(Span{})
	}
	if n := e.dropped.Load(); n != 5 {
		t.Errorf("%d spans were dropped, want 5", n)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	e.Run(ctx)
	if told == nil || len(e.queue) != 0 {
		t.Errorf("told %v, %d are left", told, len(e.queue))
	}
}
