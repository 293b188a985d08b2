package link

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the golden file anew; review the difference")

const golden = "testdata/link.golden"

// The bytes of a frame are those of docs/format/node-rpc.md.
func TestGolden(t *testing.T) {
	var text strings.Builder
	for _, s := range []struct {
		name string
		kind frameKind
		body string
	}{
		{"request", frameRequest, "question"},
		{"cancel", frameCancel, ""},
		{"progress", frameProgress, "\x01"},
		{"answer", frameAnswer, "answer"},
		{"refused", frameRefused, ""},
	} {
		fmt.Fprintf(&text, "%s %s\n", s.name, hex.EncodeToString(newFrame(s.kind, 7, []byte(s.body))))
	}
	if *rewrite {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || text.String() != string(want) {
		t.Errorf("got\n%swant\n%s(%v)", text.String(), want, err)
	}
}
