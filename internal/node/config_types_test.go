package node

import (
	"strings"
	"testing"
	"time"
)

func TestSettingsReadAndWrite(t *testing.T) {
	for _, c := range []struct {
		into  setting
		value any
		want  any
	}{
		{new(Duration), "90s", "1m 30s"},
		{new(Duration), "PT0.5S", "500ms"},
		{new(Duration), "24 hours", "1d"},
		{new(ByteSize), int64(64 << 20), "64.0 MiB"},
		{new(ByteSize), "64 MiB", "64.0 MiB"},
		{new(ByteSize), "1.5GiB", "1.5 GiB"},
		{new(ByteSize), "512MB", "512000000 B"},
		{new(ByteSize), "1000", "1000 B"},
		{new(ByteSize), "9223372036854775807", "9223372036854775807 B"},
		{new(ByteSize), "0", "0 B"},
		{new(Attempts), int64(3), int64(3)},
		{new(Attempts), "3", int64(3)},
		{new(Attempts), "Unlimited", "unlimited"},
		{new(Rate), "100/s", "100/s"},
		{new(Rate), "5 / minute", "5/min"},
		{new(Rate), "7/h", "7/h"},
		{new(Replication), int64(2), int64(2)},
		{new(Replication), "2", int64(2)},
		{new(Replication), "{node: 2, region: 1}", "{region: 1, node: 2}"},
		{new(Replication), map[string]any{"zone": int64(2), "node": int64(3)}, "{zone: 2, node: 3}"},
	} {
		if err := c.into.set(c.value); err != nil {
			t.Errorf("%T of %v: %v", c.into, c.value, err)
			continue
		}
		if got := c.into.dump(); got != c.want {
			t.Errorf("%T of %v = %v, want %v", c.into, c.value, got, c.want)
		}
		if err := c.into.set(c.into.dump()); err != nil || c.into.dump() != c.want {
			t.Errorf("%T of %v does not read back: %v, %v", c.into, c.value, c.into.dump(), err)
		}
	}
}

func TestSettingsRefuse(t *testing.T) {
	for _, c := range []struct {
		into  setting
		value any
		want  string
	}{
		{new(Duration), int64(5), "with a unit"},
		{new(Duration), "5", "no unit"},
		{new(Duration), "-5s", "negative"},
		{new(ByteSize), int64(-1), "negative"},
		{new(ByteSize), "-1", "not a size"},
		{new(ByteSize), "many", "not a size"},
		{new(ByteSize), "5 parsec", "not a size"},
		{new(ByteSize), "9000000 TiB", "8 EiB"},
		{new(ByteSize), true, "not a size"},
		{new(Attempts), int64(0), "unlimited"},
		{new(Attempts), "lots", "unlimited"},
		{new(Attempts), 2.5, "unlimited"},
		{new(Rate), "100", "not a rate"},
		{new(Rate), "0/s", "not a rate"},
		{new(Rate), "5/week", "not a rate"},
		{new(Replication), int64(0), "from 1 to"},
		{new(Replication), "{zone: x}", "zone: 2"},
		{new(Replication), "{planet: 2}", "zone: 2"},
		{new(Replication), 1.5, "zone: 2"},
		{new(KafkaCluster), "k", "not a table"},
		{new(KafkaCluster), map[string]any{"brokers": "b"}, "not a list"},
	} {
		before := c.into.dump()
		err := c.into.set(c.value)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%T of %v: %v, want %q", c.into, c.value, err, c.want)
		}
		if _, isTable := before.(map[string]any); !isTable && c.into.dump() != before {
			t.Errorf("%T changed to %v though %v was refused", c.into, c.into.dump(), c.value)
		}
	}
}

func TestNearest(t *testing.T) {
	for key, want := range map[string]string{
		"clustername":       "cluster-name",
		"abort-timeout":     "worker.invoker.abort-timeout",
		"ADMIN.bind_adress": "admin.bind-address",
		"qqqqqqqq":          "",
	} {
		if got := nearest(key, knownKeys()); got != want {
			t.Errorf("nearest(%q) = %q, want %q", key, got, want)
		}
	}
	if d := editDistance("kitten", "sitting"); d != 3 {
		t.Errorf("editDistance = %d, want 3", d)
	}
	if got := Duration(time.Hour).Std(); got != time.Hour {
		t.Errorf("Std = %v", got)
	}
}
