package duration

import (
	"strconv"
	"strings"
	"time"
)

// printed are the units Format uses, from large to small.
var printed = []struct {
	name string
	unit uint64
}{
	{"d", uint64(day)},
	{"h", uint64(time.Hour)},
	{"m", uint64(time.Minute)},
	{"s", uint64(time.Second)},
	{"ms", uint64(time.Millisecond)},
	{"\u00b5s", uint64(time.Microsecond)},
	{"ns", uint64(time.Nanosecond)},
}

// Format writes d in compact friendly form: "1d", "1m 30s", "500ms"; nothing is rounded and zero
// is "0s". A negative d gets a leading minus sign, for logs; Parse refuses that text.
func Format(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	var b strings.Builder
	rest := magnitude(d)
	if d < 0 {
		b.WriteByte('-')
	}
	for _, p := range printed {
		n := rest / p.unit
		if n == 0 {
			continue
		}
		rest %= p.unit
		b.WriteString(strconv.FormatUint(n, 10))
		b.WriteString(p.name)
		if rest != 0 {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// FormatISO writes d as ISO 8601 in seconds alone, the form of SQL introspection: "PT86400S",
// "PT1221.965S", "PT0S". Nothing is rounded.
func FormatISO(d time.Duration) string {
	n := magnitude(d)
	b := []byte("PT")
	if d < 0 {
		b = []byte("-PT")
	}
	b = strconv.AppendUint(b, n/uint64(time.Second), 10)
	if frac := n % uint64(time.Second); frac != 0 {
		digits := strconv.FormatUint(uint64(time.Second)+frac, 10)[1:]
		b = append(b, '.')
		b = append(b, strings.TrimRight(digits, "0")...)
	}
	return string(append(b, 'S'))
}

// magnitude is |d|, also for the smallest Duration, whose negation does not fit a Duration.
func magnitude(d time.Duration) uint64 {
	if d < 0 {
		return -uint64(d)
	}
	return uint64(d)
}
