package duration

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0":                       0,
		"0s":                      0,
		"PT0S":                    0,
		"10s":                     10 * time.Second,
		"60 sec":                  time.Minute,
		"60000ms":                 time.Minute,
		"1m 30s":                  90 * time.Second,
		"1h30m":                   90 * time.Minute,
		"1 day 2 hours":           26 * time.Hour,
		"1 day, 2 hours":          26 * time.Hour,
		"1d,2h":                   26 * time.Hour,
		"10 days":                 240 * time.Hour,
		"2 Weeks":                 14 * day,
		"1H 30M":                  90 * time.Minute,
		"1.5h":                    90 * time.Minute,
		"0.25 ms":                 250 * time.Microsecond,
		"3us":                     3 * time.Microsecond,
		"3\u00b5s":                3 * time.Microsecond,
		"3\u03bcs":                3 * time.Microsecond,
		"7 nanoseconds":           7,
		" 5 minutes ":             5 * time.Minute,
		"+5m":                     5 * time.Minute,
		"PT10S":                   10 * time.Second,
		"pt10s":                   10 * time.Second,
		"PT0.2S":                  200 * time.Millisecond,
		"P1DT2H":                  26 * time.Hour,
		"P1W":                     week,
		"PT1H30M":                 90 * time.Minute,
		"PT86400S":                day,
		"PT1221.965S":             1221965 * time.Millisecond,
		"0.3333333333333333333 s": 333333333,
		"106751 days":             106751 * day,
		"9223372036.854775807s":   math.MaxInt64,
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "empty",
		"   ":                    "empty",
		"10":                     "no unit",
		"1m 10":                  "no unit",
		"ten seconds":            "number is missing",
		"1 fortnight":            "not a unit",
		"-5s":                    "negative",
		"5s ago":                 "negative",
		"1s 1m":                  "descend",
		"1s 1s":                  "descend",
		"1m,":                    "comma",
		"1m,,2s":                 "number is missing",
		"1.s":                    "digit is missing",
		".5s":                    "number is missing",
		"1 month":                "no fixed length",
		"2y":                     "no fixed length",
		"P1Y":                    "no fixed length",
		"P1M":                    "no fixed length",
		"P":                      "behind its P",
		"PT":                     "behind its P",
		"P1DT":                   "behind its P",
		"P1H":                    "not an ISO 8601 unit",
		"PT1D":                   "not an ISO 8601 unit",
		"PT5":                    "no unit",
		"PTT5S":                  "number is missing",
		"106752 days":            "292 years",
		"99999999999999999999s":  "292 years",
		"9223372036.854775808s":  "292 years",
		"106751d 24h":            "292 years",
		strings.Repeat("1", 300): "limit",
	} {
		got, err := Parse(text)
		if err == nil {
			t.Errorf("Parse(%q) = %v, want an error with %q", text, got, want)
			continue
		}
		if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "for example") {
			t.Errorf("Parse(%q) says %q, want %q and an example", text, err, want)
		}
	}
}

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		d             time.Duration
		friendly, iso string
	}{
		{0, "0s", "PT0S"},
		{day, "1d", "PT86400S"},
		{time.Minute, "1m", "PT60S"},
		{90 * time.Second, "1m 30s", "PT90S"},
		{500 * time.Millisecond, "500ms", "PT0.5S"},
		{26*time.Hour + 1, "1d 2h 1ns", "PT93600.000000001S"},
		{1500 * time.Microsecond, "1ms 500\u00b5s", "PT0.0015S"},
		{-time.Minute, "-1m", "-PT60S"},
		{math.MinInt64, "-106751d 23h 47m 16s 854ms 775\u00b5s 808ns", "-PT9223372036.854775808S"},
	} {
		if got := Format(c.d); got != c.friendly {
			t.Errorf("Format(%d) = %q, want %q", int64(c.d), got, c.friendly)
		}
		if got := FormatISO(c.d); got != c.iso {
			t.Errorf("FormatISO(%d) = %q, want %q", int64(c.d), got, c.iso)
		}
	}
}

func TestFormatReadsBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		d := time.Duration(rng.Uint64() >> (1 + rng.UintN(63)))
		for _, text := range []string{Format(d), FormatISO(d)} {
			if got, err := Parse(text); err != nil || got != d {
				t.Fatalf("Parse(%q) = %d, %v; want %d", text, got, err, d)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"1h30m", "P1DT2H", "1.5 days, 3 sec", "0", "PT", "1\u00b5s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Parse(text)
		if err != nil {
			return
		}
		if d < 0 {
			t.Fatalf("Parse(%q) = %d, negative", text, d)
		}
		if again, err := Parse(Format(d)); err != nil || again != d {
			t.Fatalf("Parse(Format(%d)) = %d, %v", d, again, err)
		}
	})
}
