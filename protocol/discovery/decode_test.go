package discovery_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/perdure/perdure/protocol/discovery"
)

const base = "application/vnd.restate.endpointmanifest.v"

// TestDecode runs testdata/decode.txt: "decode" takes the manifest from the script, "file" from
// testdata; version, type and server fill the response's headers.
func TestDecode(t *testing.T) {
	datadriven.RunTest(t, "testdata/decode.txt", func(t *testing.T, d *datadriven.TestData) string {
		version, server, name, ct := "3", "", "", ""
		d.MaybeScanArgs(t, "version", &version)
		d.MaybeScanArgs(t, "server", &server)
		r := discovery.Response{ContentType: base + version + "+json", Server: server}
		if d.MaybeScanArgs(t, "type", &ct) {
			r.ContentType = ct
		}
		switch d.Cmd {
		case "decode":
			r.Body = []byte(d.Input)
		case "service": // one service inside an otherwise good manifest
			r.Body = []byte(`{"protocolMode":"BIDI_STREAM","minProtocolVersion":5,"maxProtocolVersion":6,` +
				`"services":[` + d.Input + `]}`)
		case "file":
			d.ScanArgs(t, "name", &name)
			b, err := os.ReadFile(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			r.Body = b
		default:
			d.Fatalf(t, "unknown command %s", d.Cmd)
		}
		return show(discovery.Decode(r))
	})
}

func show(m *discovery.Manifest, err error) string {
	var e *discovery.Error
	if errors.As(err, &e) {
		return fmt.Sprintf("error code=%q refused=%t: %s\n", e.Code, e.Refused, e.Message)
	} else if err != nil {
		return "untyped error: " + err.Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s [%d, %d] %s\n", m.Mode, m.MinProtocolVersion, m.MaxProtocolVersion,
		m.LambdaCompression)
	for _, s := range m.Services {
		fmt.Fprintf(&b, "%s %s%s%s\n", s.Kind, s.Name, notes(s.Documentation, s.Metadata), options(s.Options))
		for _, h := range s.Handlers {
			fmt.Fprintf(&b, "  %s kind=%d%s%s\n", h.Name, h.Kind, notes(h.Documentation, h.Metadata),
				options(h.Options))
			fmt.Fprintf(&b, "    in  %q required=%t %s\n", h.Input.ContentType, h.Input.Required,
				h.Input.JSONSchema)
			fmt.Fprintf(&b, "    out %q ifEmpty=%t %s\n", h.Output.ContentType,
				h.Output.SetContentTypeIfEmpty, h.Output.JSONSchema)
		}
	}
	return b.String()
}

func notes(doc string, metadata map[string]string) string {
	s := ""
	if doc != "" {
		s += fmt.Sprintf(" doc=%q", doc)
	}
	for _, k := range slices.Sorted(maps.Keys(metadata)) {
		s += fmt.Sprintf(" %s=%q", k, metadata[k])
	}
	return s
}

func options(o discovery.Options) string {
	var b strings.Builder
	for _, f := range []struct {
		name string
		d    *discovery.Duration
	}{
		{"inactivity", o.InactivityTimeout}, {"abort", o.AbortTimeout},
		{"journal", o.JournalRetention}, {"idempotency", o.IdempotencyRetention},
		{"completion", o.WorkflowCompletionRetention}, {"first", o.RetryInitialInterval},
		{"most", o.RetryMaxInterval},
	} {
		if f.d != nil {
			fmt.Fprintf(&b, " %s=%s", f.name, time.Duration(*f.d))
		}
	}
	if o.EnableLazyState != nil {
		fmt.Fprintf(&b, " lazy=%t", *o.EnableLazyState)
	}
	if o.IngressPrivate != nil {
		fmt.Fprintf(&b, " private=%t", *o.IngressPrivate)
	}
	if o.RetryMaxAttempts != nil {
		fmt.Fprintf(&b, " attempts=%d", *o.RetryMaxAttempts)
	}
	if o.RetryFactor != nil {
		fmt.Fprintf(&b, " factor=%g", *o.RetryFactor)
	}
	if o.OnMaxAttempts != nil {
		fmt.Fprintf(&b, " then=%s", *o.OnMaxAttempts)
	}
	return b.String()
}

func TestAcceptListsAllVersions(t *testing.T) {
	want := base + "1+json, " + base + "2+json, " + base + "3+json, " + base + "4+json"
	if discovery.Accept != want {
		t.Fatalf("Accept = %q, want %q", discovery.Accept, want)
	}
}

func TestCheckTransport(t *testing.T) {
	bidi := discovery.Manifest{Mode: discovery.BidiStream}
	if err := bidi.CheckTransport(true); err != nil {
		t.Fatalf("over HTTP/2: %v", err)
	}
	var e *discovery.Error
	if err := bidi.CheckTransport(false); !errors.As(err, &e) || e.Code != discovery.CodeBidiUnsupported {
		t.Fatalf("without overlap: %v, want %s", err, discovery.CodeBidiUnsupported)
	}
	plain := discovery.Manifest{Mode: discovery.RequestResponse}
	if err := plain.CheckTransport(false); err != nil {
		t.Fatalf("request/response: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := discovery.Decode(discovery.Response{ContentType: base + "4+json", Body: body})
		var e *discovery.Error
		if err != nil && (!errors.As(err, &e) || e.Message == "") {
			t.Fatalf("untyped or empty error: %#v", err)
		}
		if err == nil && m.MinProtocolVersion > m.MaxProtocolVersion {
			t.Fatalf("accepted an empty range: %+v", m)
		}
	})
}
