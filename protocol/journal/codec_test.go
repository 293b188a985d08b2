package journal

import (
	"encoding/hex"
	"testing"

	"github.com/perdure/perdure/protocol"
)

// Bytes seen on the wire between the reference server and an official SDK.
func TestBytesSeenOnTheWire(t *testing.T) {
	for _, c := range []struct {
		m    Message
		want string
	}{
		{&Notification{TypeSignal, Signal(SignalCancel), Void()}, "10012200"},
		{&Notification{TypeGetLazyStateCompletion, Completion(1), Void()}, "08012200"},
		{&Notification{TypeGetLazyStateCompletion, Completion(1), Value(nil)}, "08012a00"},
		{&Output{Result: protocol.Success(nil)}, "7200"},
		{&Output{Result: protocol.Failed(protocol.Failure{})}, "7a00"},
	} {
		if got := hex.EncodeToString(c.m.Append(nil)); got != c.want {
			t.Errorf("%+v encodes as %s, want %s", c.m, got, c.want)
		}
	}
}
