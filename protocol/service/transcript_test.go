package service

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/journal"
	"github.com/perdure/perdure/protocol/wire/wiretest"
)

// says is one frame of a session.
type says struct {
	server  bool // else the deployment
	control Control
	entry   journal.Message
}

// session is a workflow of three steps, each a run, in version 6, over one stream: the server tells
// of each result before the next step begins.
func session() []says {
	id := protocol.InvocationID{Key: 0xEB515B5B172A783A, UUID: [16]byte{0xAC, 0xE3, 0xF3, 0x7B}}
	result := func(n uint32) protocol.Result { return protocol.Success([]byte{'0' + byte(n)}) }
	list := []says{
		{server: true, control: &Start{ID: id, KnownEntries: 1, Key: "order-1", RandomSeed: 42}},
		{server: true, entry: &journal.Input{
			Headers: []journal.Header{{Key: "content-type", Value: "application/json"}},
			Value:   []byte(`"input"`),
		}},
	}
	for n, name := range []string{"reserve", "charge", "ship"} {
		n := uint32(n + 1)
		list = append(list,
			says{entry: &journal.Run{CompletionID: n, Name: name}},
			says{control: &ProposeRunCompletion{CompletionID: n, Result: result(n)}},
			says{server: true, entry: &journal.Notification{
				NotificationType: journal.TypeRunCompletion,
				ID:               journal.Completion(n), Result: journal.OfResult(result(n)),
			}})
	}
	return append(list,
		says{entry: &journal.Output{Result: protocol.Success([]byte(`"done"`))}},
		says{control: &End{}})
}

func (s says) String() string {
	from, t := "deployment", journal.Type(0)
	if s.server {
		from = "server"
	}
	if s.control != nil {
		t = s.control.Type()
	} else {
		t = s.entry.Type()
	}
	return from + " " + TypeName(t)
}

func (s says) append(dst []byte) []byte {
	if s.control != nil {
		return AppendControl(dst, V6, s.control)
	}
	return AppendEntry(dst, 0, s.entry)
}

// TestTranscript pins both directions of a whole session, and that each side reads what the other
// one wrote.
func TestTranscript(t *testing.T) {
	const file = "testdata/three_steps.golden"
	streams := make(map[bool][]byte) // by whether the server sends
	var samples []wiretest.Sample
	for i, s := range session() {
		frame := s.append(nil)
		streams[s.server] = append(streams[s.server], frame...)
		samples = append(samples, wiretest.Sample{
			Name: fmt.Sprintf("%02d %s", i+1, s), Data: frame, Prefix: HeaderLen,
		})
	}
	wiretest.Golden(t, file, samples)
	for fromServer, stream := range streams {
		var want []any
		for _, s := range session() {
			switch {
			case s.server != fromServer:
			case s.control != nil:
				want = append(want, s.control)
			default:
				want = append(want, s.entry)
			}
		}
		var got []any
		err := NewParser(testLimit).Feed(stream, func(f Frame) error {
			if !fromServer {
				if err := IsAllowedFromDeployment(f.Type, V6); err != nil {
					return err
				}
			}
			m, err := decodeAny(f)
			got = append(got, m)
			return err
		})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("from server: %v: got\n%+v, %v; want\n%+v", fromServer, got, err, want)
		}
	}
}

func decodeAny(f Frame) (any, error) {
	if IsControl(f.Type) {
		return Decode(f.Type, V6, f.Body)
	}
	return journal.Decode(f.Type, f.Body)
}
