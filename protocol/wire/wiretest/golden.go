package wiretest

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew; review the difference")

// hexPerLine is how many bytes stand on one line of a golden file.
const hexPerLine = 32

// Sample is one encoded value.
type Sample struct {
	Name string
	Data []byte
	// Prefix is how many bytes stand before the first field.
	Prefix int
	// Expand are fields that are shown as messages instead of as bytes.
	Expand []protowire.Number
}

// Golden compares samples with the file, byte for byte; with -rewrite it writes the file. The
// format: a name in square brackets, then hexadecimal bytes, a line or more per field; what
// follows # is for people.
func Golden(t *testing.T, file string, samples []Sample) {
	t.Helper()
	var text bytes.Buffer
	for _, s := range samples {
		fmt.Fprintf(&text, "[%s]\n", s.Name)
		if s.Prefix > 0 {
			writeHex(&text, "", s.Data[:s.Prefix], "before the fields")
		}
		writeFields(&text, "", s.Data[s.Prefix:], s.Expand)
		text.WriteByte('\n')
	}
	if *rewrite {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	old := Load(t, file)
	for _, s := range samples {
		want, ok := old[s.Name]
		switch {
		case !ok:
			t.Errorf("%s has no sample %s; run with -rewrite", file, s.Name)
		case !bytes.Equal(s.Data, want):
			t.Errorf("%s is encoded as\n%x\nbut %s has\n%x", s.Name, s.Data, file, want)
		}
		delete(old, s.Name)
	}
	for name := range old {
		t.Errorf("%s has the sample %s, which is not made any more", file, name)
	}
}

// Load reads the samples of a golden file by name.
func Load(t testing.TB, file string) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; run with -rewrite", err)
	}
	samples, name := make(map[string][]byte), ""
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			name = strings.Trim(line, "[]")
			samples[name] = []byte{}
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(line, " ", ""))
		if err != nil {
			t.Fatalf("%s, sample %s: %v", file, name, err)
		}
		if line != "" {
			samples[name] = append(samples[name], b...)
		}
	}
	return samples
}

func writeHex(w *bytes.Buffer, indent string, b []byte, note string) {
	for {
		line := b[:min(len(b), hexPerLine)]
		b = b[len(line):]
		fmt.Fprintf(w, "%s%x", indent, line)
		if note != "" {
			fmt.Fprintf(w, " # %s", note)
			note = ""
		}
		w.WriteByte('\n')
		if len(b) == 0 {
			return
		}
	}
}

// writeFields writes one line or more per field, and fields in expand as messages.
func writeFields(w *bytes.Buffer, indent string, b []byte, expand []protowire.Number) {
	for len(b) > 0 {
		num, typ, tag := protowire.ConsumeTag(b)
		n := protowire.ConsumeFieldValue(num, typ, b[tag:])
		if tag < 0 || n < 0 {
			writeHex(w, indent, b, "not a field")
			return
		}
		note := fmt.Sprintf("field %d", num)
		field := b[:tag+n]
		b = b[tag+n:]
		expanded := false
		for _, e := range expand {
			expanded = expanded || e == num && typ == protowire.BytesType
		}
		if !expanded {
			writeHex(w, indent, field, note)
			continue
		}
		content, _ := protowire.ConsumeBytes(field[tag:])
		head := field[:len(field)-len(content)]
		writeHex(w, indent, head, fmt.Sprintf("%s, %d bytes", note, len(content)))
		writeFields(w, indent+"  ", content, nil)
	}
}
