package expr

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/admin/query/table"
)

// formatTime prints an instant; milliseconds only if there are any.
func formatTime(millis int64) string {
	layout := "2006-01-02T15:04:05Z"
	if millis%1000 != 0 {
		layout = "2006-01-02T15:04:05.000Z"
	}
	return time.UnixMilli(millis).UTC().Format(layout)
}

// Text is a value as text: what a cast to a string gives.
func Text(v *table.Value) string {
	switch {
	case v.Type == table.String:
		return v.Str
	case v.Type == table.Record:
		return "(" + Text(&v.List[0]) + "," + Text(&v.List[1]) + ")"
	case v.Type&table.List != 0:
		parts := make([]string, len(v.List))
		for i := range v.List {
			parts[i] = Text(&v.List[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	switch v.Type {
	case table.Null:
		return ""
	case table.Bool:
		return strconv.FormatBool(v.Int != 0)
	case table.Uint64:
		return strconv.FormatUint(uint64(v.Int), 10)
	case table.Float64:
		return FormatFloat(v.Float())
	case table.Binary:
		return hex.EncodeToString([]byte(v.Str))
	case table.Timestamp:
		return formatTime(v.Int)
	case table.Date:
		return time.UnixMilli(v.Int * dayMillis).UTC().Format(time.DateOnly)
	case table.Duration:
		return FormatDuration(v.Int)
	case table.Interval:
		return formatInterval(v)
	}
	return strconv.FormatInt(v.Int, 10)
}

// FormatFloat prints a float so that it can be told from an integer.
func FormatFloat(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "NaN"
	case f == math.Trunc(f) && math.Abs(f) < 1e16:
		return strconv.FormatFloat(f, 'f', 1, 64)
	case f != 0 && (math.Abs(f) >= 1e16 || math.Abs(f) < 1e-5):
		return strings.Replace(strconv.FormatFloat(f, 'e', -1, 64), "e+", "e", 1)
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// FormatDuration prints milliseconds in the form of ISO 8601: PT463.545S.
func FormatDuration(millis int64) string {
	sign := ""
	abs := uint64(millis)
	if millis < 0 {
		sign, abs = "-", uint64(-millis)
	}
	s := sign + "PT" + strconv.FormatUint(abs/1000, 10)
	if rest := abs % 1000; rest != 0 {
		s += "." + strings.TrimRight(strconv.FormatUint(1000+rest, 10)[1:], "0")
	}
	return s + "S"
}

func formatInterval(v *table.Value) string {
	var parts []string
	add := func(n int64, unit string) {
		if n != 0 {
			parts = append(parts, strconv.FormatInt(n, 10)+" "+unit)
		}
	}
	add(int64(v.Months), "mons")
	add(v.Int/dayMillis, "days")
	rest := v.Int % dayMillis
	add(rest/3600000, "hours")
	add(rest/60000%60, "mins")
	if s := rest % 60000; s != 0 {
		parts = append(parts, strconv.FormatFloat(float64(s)/1000, 'f', 3, 64)+" secs")
	}
	if len(parts) == 0 {
		return "0 secs"
	}
	return strings.Join(parts, " ")
}

var timeLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999-07", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04",
	"2006-01-02 15:04", "2006-01-02", "2006-01-02 15:04:05.999999999 -0700",
}

// ParseTime reads an instant; without a zone it is in UTC.
func ParseTime(s string) (millis int64, ok bool) {
	s = strings.TrimSpace(s)
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UnixMilli(), true
		}
	}
	switch strings.ToLower(s) {
	case "epoch":
		return 0, true
	}
	return 0, false
}

var intervalUnits = map[string]int64{
	"millisecond": 1, "ms": 1, "second": 1000, "sec": 1000, "s": 1000, "minute": 60000,
	"min": 60000, "m": 60000, "hour": 3600000, "hr": 3600000, "h": 3600000, "day": dayMillis,
	"d": dayMillis, "week": 7 * dayMillis, "w": 7 * dayMillis,
}

// ParseInterval reads "1 day 02:30:00", "2 hours", "-3 months".
func ParseInterval(s string) (v table.Value, ok bool) {
	v.Type = table.Interval
	fields := strings.Fields(strings.ToLower(s))
	for i := 0; i < len(fields); i++ {
		f := fields[i]
		if strings.Contains(f, ":") {
			ms, ok := parseClock(f)
			if !ok {
				return v, false
			}
			v.Int += ms
			continue
		}
		split := strings.IndexFunc(f, func(r rune) bool { return 'a' <= r && r <= 'z' })
		unit := ""
		if split > 0 {
			f, unit = f[:split], f[split:]
		} else if i+1 < len(fields) {
			i++
			unit = fields[i]
		} else {
			unit = "second"
		}
		n, err := strconv.ParseFloat(f, 64)
		if err != nil || !addUnit(&v, n, strings.TrimSuffix(unit, ",")) {
			return v, false
		}
	}
	return v, len(fields) > 0
}

func addUnit(v *table.Value, n float64, unit string) bool {
	if unit != "ms" && unit != "s" {
		unit = strings.TrimSuffix(unit, "s")
	}
	switch unit {
	case "month", "mon":
		v.Months += int32(n)
		return true
	case "year", "y":
		v.Months += int32(n * 12)
		return true
	}
	ms, ok := intervalUnits[unit]
	v.Int += int64(n * float64(ms))
	return ok
}

func parseClock(s string) (int64, bool) {
	negative := strings.HasPrefix(s, "-")
	parts := strings.Split(strings.TrimPrefix(s, "-"), ":")
	if len(parts) > 3 {
		return 0, false
	}
	total, unit := 0.0, 3600.0
	for _, p := range parts {
		n, err := strconv.ParseFloat(p, 64)
		if err != nil {
			return 0, false
		}
		total += n * unit
		unit /= 60
	}
	if negative {
		total = -total
	}
	return int64(total * 1000), true
}

// parseDuration reads what FormatDuration prints, and intervals without months.
func parseDuration(s string) (int64, bool) {
	t := strings.TrimPrefix(s, "-")
	if rest, ok := strings.CutPrefix(t, "PT"); ok {
		if d, err := time.ParseDuration(strings.ToLower(rest)); err == nil {
			if t != s {
				d = -d
			}
			return d.Milliseconds(), true
		}
		return 0, false
	}
	v, ok := ParseInterval(s)
	return v.Int, ok && v.Months == 0
}
