package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/protocol/duration"
)

// setting is a configuration value with a spelling of its own. set takes what a TOML decoder
// yields (string, int64, float64, bool, []any, map[string]any); its error says what is wrong with
// the value and what to write instead. dump is the inverse, in the same types.
type setting interface {
	set(value any) error
	dump() any
}

// Duration is a length of time, never negative.
type Duration time.Duration

// Std is the duration as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

func (d Duration) String() string { return duration.Format(time.Duration(d)) }

func (d *Duration) set(value any) error {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf(`%v is not a duration; write it with a unit, for example "1m 30s"`, value)
	}
	parsed, err := duration.Parse(text)
	if err != nil {
		return err
	}
	*d = Duration(parsed)
	return nil
}

func (d *Duration) dump() any { return d.String() }

// ByteSize is a size in bytes.
type ByteSize uint64

// Binary units of ByteSize.
const (
	KiB ByteSize = 1 << 10
	MiB ByteSize = 1 << 20
	GiB ByteSize = 1 << 30
	TiB ByteSize = 1 << 40
)

// byteUnits are the spellings of units of size, in lower case.
var byteUnits = map[string]ByteSize{
	"": 1, "b": 1, "byte": 1, "bytes": 1,
	"k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9, "t": 1e12, "tb": 1e12,
	"ki": KiB, "kib": KiB, "mi": MiB, "mib": MiB,
	"gi": GiB, "gib": GiB, "ti": TiB, "tib": TiB,
}

// String is the size in the largest binary unit not above it, with one digit behind the point
// if that is exact ("64.0 MiB"), else in bytes ("1000001 B").
func (b ByteSize) String() string {
	for _, u := range []struct {
		size ByteSize
		name string
	}{{TiB, "TiB"}, {GiB, "GiB"}, {MiB, "MiB"}, {KiB, "KiB"}} {
		if b < u.size {
			continue
		}
		if tenths := b % u.size * 10; tenths%u.size == 0 {
			return fmt.Sprintf("%d.%d %s", b/u.size, tenths/u.size, u.name)
		}
		break
	}
	return strconv.FormatUint(uint64(b), 10) + " B"
}

func (b *ByteSize) set(value any) error {
	const example = `write bytes, or a text such as "64 MiB" or "512MB"`
	switch v := value.(type) {
	case int64:
		if v < 0 {
			return fmt.Errorf("a size cannot be negative; %s", example)
		}
		*b = ByteSize(v)
		return nil
	case string:
		s := strings.ToLower(strings.TrimSpace(v))
		end := strings.IndexFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		if end < 0 {
			end = len(s)
		}
		n, err := strconv.ParseFloat(s[:end], 64)
		unit, known := byteUnits[strings.TrimSpace(s[end:])]
		if err != nil || !known {
			return fmt.Errorf("%q is not a size; %s", v, example)
		}
		whole, err := strconv.ParseUint(s[:end], 10, 63)
		switch {
		case err == nil && whole <= math.MaxInt64/uint64(unit):
			*b = ByteSize(whole) * unit // exact, also where a float is not
		case n*float64(unit) >= math.MaxInt64:
			return fmt.Errorf("%q is more than 8 EiB; %s", v, example)
		default:
			*b = ByteSize(math.Round(n * float64(unit)))
		}
		return nil
	}
	return fmt.Errorf("%v is not a size; %s", value, example)
}

func (b *ByteSize) dump() any { return b.String() }

// Attempts is a number of attempts, or Unlimited.
type Attempts uint32

// Unlimited is more attempts than anybody makes.
const Unlimited Attempts = math.MaxUint32

func (a Attempts) String() string {
	if a == Unlimited {
		return "unlimited"
	}
	return strconv.FormatUint(uint64(a), 10)
}

func (a *Attempts) set(value any) error {
	if text, ok := value.(string); ok {
		if strings.EqualFold(strings.TrimSpace(text), "unlimited") {
			*a = Unlimited
			return nil
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil {
			value = n
		}
	}
	n, ok := value.(int64)
	if !ok || n < 1 || n >= int64(Unlimited) {
		return fmt.Errorf(`%v is not a number of attempts; write "unlimited" or a number from 1`,
			value)
	}
	*a = Attempts(n)
	return nil
}

func (a *Attempts) dump() any {
	if *a == Unlimited {
		return a.String()
	}
	return int64(*a)
}

// Rate is a count per unit of time. The zero value means no limit.
type Rate struct {
	Count int
	Per   time.Duration
}

// PerSecond is the rate as a number; 0 does not limit.
func (r Rate) PerSecond() float64 {
	if r.Count == 0 {
		return 0
	}
	return float64(r.Count) / r.Per.Seconds()
}

func (r Rate) String() string {
	switch {
	case r.Count == 0:
		return ""
	case r.Per == time.Second:
		return fmt.Sprintf("%d/s", r.Count)
	case r.Per == time.Minute:
		return fmt.Sprintf("%d/min", r.Count)
	}
	return fmt.Sprintf("%d/h", r.Count)
}

func (r *Rate) set(value any) error {
	text, _ := value.(string)
	if text == "" {
		*r = Rate{}
		return nil
	}
	count, per, _ := strings.Cut(text, "/")
	n, err := strconv.ParseInt(strings.TrimSpace(count), 10, 32)
	unit := map[string]time.Duration{
		"s": time.Second, "sec": time.Second, "second": time.Second,
		"m": time.Minute, "min": time.Minute, "minute": time.Minute,
		"h": time.Hour, "hr": time.Hour, "hour": time.Hour,
	}[strings.ToLower(strings.TrimSpace(per))]
	if err != nil || n < 1 || unit == 0 {
		return fmt.Errorf(`%q is not a rate; write for example "100/s", "5/min" or "10/h"`, text)
	}
	*r = Rate{Count: int(n), Per: unit}
	return nil
}

func (r *Rate) dump() any { return r.String() }

// Replication says on how many nodes, zones and regions something is kept; 0 asks for nothing.
type Replication struct {
	Node, Zone, Region int
}

// String is "2" when only nodes count, else "{zone: 2, node: 3}".
func (r Replication) String() string {
	if r.Zone == 0 && r.Region == 0 {
		return strconv.Itoa(r.Node)
	}
	var parts []string
	for _, p := range []struct {
		name  string
		count int
	}{{"region", r.Region}, {"zone", r.Zone}, {"node", r.Node}} {
		if p.count != 0 {
			parts = append(parts, fmt.Sprintf("%s: %d", p.name, p.count))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// ParseReplication reads a replication as the configuration does: "3", or "{zone: 2, node: 3}".
func ParseReplication(text string) (r Replication, err error) {
	err = r.set(text)
	return r, err
}

func (r *Replication) set(value any) error {
	got := Replication{}
	switch v := value.(type) {
	case int64:
		return got.add("node", v, r)
	case map[string]any:
		for name, count := range v {
			n, ok := count.(int64)
			if !ok {
				return errReplication
			}
			if err := got.add(name, n, &got); err != nil {
				return err
			}
		}
	case string:
		body := strings.TrimSpace(v)
		if n, err := strconv.ParseInt(body, 10, 32); err == nil {
			return got.add("node", n, r)
		}
		body = strings.TrimSuffix(strings.TrimPrefix(body, "{"), "}")
		for _, part := range strings.Split(body, ",") {
			name, count, _ := strings.Cut(strings.Replace(part, "=", ":", 1), ":")
			n, err := strconv.ParseInt(strings.TrimSpace(count), 10, 32)
			if err != nil {
				return errReplication
			}
			if err := got.add(strings.Trim(strings.TrimSpace(name), `"`), n, &got); err != nil {
				return err
			}
		}
	default:
		return errReplication
	}
	*r = got
	return nil
}

var errReplication = errors.New(
	`it is not a replication; write a number of nodes such as 2, or "{zone: 2, node: 3}"`)

// add stores r with one more count in to.
func (r Replication) add(name string, count int64, to *Replication) error {
	if count < 1 || count > maxReplication {
		return fmt.Errorf("a replication count is from 1 to %d, not %d", maxReplication, count)
	}
	switch strings.ToLower(name) {
	case "node":
		r.Node = int(count)
	case "zone":
		r.Zone = int(count)
	case "region":
		r.Region = int(count)
	default:
		return errReplication
	}
	*to = r
	return nil
}

func (r *Replication) dump() any {
	if r.Zone == 0 && r.Region == 0 {
		return int64(r.Node)
	}
	return r.String()
}

// KafkaCluster is a Kafka cluster that subscriptions may name.
type KafkaCluster struct {
	// Name is what subscriptions call it.
	Name string
	// Brokers are "host:port" addresses to start from.
	Brokers []string
	// Options are further client options, in the names of librdkafka.
	Options map[string]string
}

func (k *KafkaCluster) set(value any) error {
	table, ok := value.(map[string]any)
	if !ok {
		return errors.New(`it is not a table; write name = "...", brokers = ["host:port"]`)
	}
	got := KafkaCluster{}
	for key, v := range table {
		var err error
		switch key {
		case "name":
			got.Name, err = toText(v)
		case "brokers":
			list, isList := v.([]any)
			if !isList {
				return errors.New(`brokers is not a list; write brokers = ["host:port"]`)
			}
			for _, item := range list {
				broker, isText := item.(string)
				if !isText {
					return fmt.Errorf(`broker %v is not a text; write "host:port"`, item)
				}
				got.Brokers = append(got.Brokers, broker)
			}
		default:
			if got.Options == nil {
				got.Options = map[string]string{}
			}
			got.Options[key], err = toText(v)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	*k = got
	return nil
}

func (k *KafkaCluster) dump() any {
	table := map[string]any{"name": k.Name, "brokers": dumpTexts(k.Brokers)}
	for key, v := range k.Options {
		table[key] = v
	}
	return table
}

// toText turns a scalar into the text a client option has.
func toText(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case bool, int64, float64, json.Number:
		return fmt.Sprint(v), nil
	}
	return "", fmt.Errorf("%v is not a text, a number or true/false", value)
}

func dumpTexts(texts []string) []any {
	list := make([]any, len(texts))
	for i, text := range texts {
		list[i] = text
	}
	return list
}
