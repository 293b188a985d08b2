package transport

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the golden file anew; review the difference")

const golden = "testdata/transport.golden"

// The bytes on a connection are those of docs/format/raft-transport.md: releases must understand
// each other.
func TestGolden(t *testing.T) {
	var greeting, reply bytes.Buffer
	hello := Hello{Protocol: 1, Release: "v1", Cluster: "c/f", Node: 2, Generation: 3, To: 1, Millis: 5}
	must(t, writeJSON(&greeting, hello))
	must(t, writeJSON(&reply, answer{Refused: "no", Hello: Hello{Protocol: 1, Node: 1}}))
	var text strings.Builder
	for _, s := range []struct {
		name string
		b    []byte
	}{
		{"greeting", greeting.Bytes()},
		{"answer", reply.Bytes()},
		{"messages", seal(append(beginFrame(nil, frameMessages), "batch"...))},
		{"chunk", seal(append(beginFrame(nil, frameChunk), "chunk"...))},
		{"notice", seal(append(beginFrame(nil, frameNotice), "notice"...))},
	} {
		fmt.Fprintf(&text, "%s %s\n", s.name, hex.EncodeToString(s.b))
	}
	if *rewrite {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(golden, []byte(text.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	if err != nil || text.String() != string(want) {
		t.Errorf("got\n%swant\n%s(%v)", text.String(), want, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestDamagedFramesAreRefused(t *testing.T) {
	good := seal(append(beginFrame(nil, frameNotice), "notice"...))
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x40
		if kind, body, err := readFrame(bufio.NewReader(bytes.NewReader(bad))); err == nil {
			t.Errorf("byte %d changed: read kind %d, %q", i, kind, body)
		}
	}
	kind, body, err := readFrame(bufio.NewReader(bytes.NewReader(good)))
	if err != nil || kind != frameNotice || string(body) != "notice" {
		t.Errorf("read kind %d, %q, %v", kind, body, err)
	}
}
