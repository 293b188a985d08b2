package expr

import (
	"strings"
	"time"

	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

func init() {
	stamp := func(names string, unit func(int64) int64) {
		register(names, function{min: 1, max: 2, args: types(anyType, table.String),
			result: table.Timestamp, fn: func(v []table.Value) table.Value { return toTimestamp(&v[0], unit) }})
	}
	stamp("to_timestamp|to_timestamp_seconds|from_unixtime", func(n int64) int64 { return n * 1000 })
	stamp("to_timestamp_millis", func(n int64) int64 { return n })
	stamp("to_timestamp_micros", func(n int64) int64 { return floorDiv(n, 1000) })
	stamp("to_timestamp_nanos", func(n int64) int64 { return floorDiv(n, 1_000_000) })
	register("to_unixtime", function{min: 1, max: 1, args: types(table.Timestamp), result: table.Int64,
		fn: func(v []table.Value) table.Value { return table.Integer(floorDiv(v[0].Int, 1000)) }})
	register("date_trunc|datetrunc", function{min: 2, max: 2, args: types(table.String, table.Timestamp),
		result: table.Timestamp, fn: func(v []table.Value) table.Value {
			return table.Value{Type: table.Timestamp, Int: truncate(strings.ToLower(v[0].Str), v[1].Int)}
		}})
	register("date_bin", function{min: 2, max: 3, args: types(table.Interval, table.Timestamp),
		result: table.Timestamp, fn: dateBin})
	register("date_part|datepart", function{min: 2, max: 2, args: types(table.String, anyType),
		result: table.Float64, fn: func(v []table.Value) table.Value {
			return table.Real(part(strings.ToLower(v[0].Str), &v[1]))
		}})
	register("at_time_zone", function{min: 2, max: 2, args: types(table.Timestamp, table.String),
		result: table.Timestamp, fn: inZone})
	register("make_date", function{min: 3, max: 3, args: types(table.Int64), result: table.Date,
		fn: func(v []table.Value) table.Value {
			d := time.Date(int(v[0].Int), time.Month(v[1].Int), int(v[2].Int), 0, 0, 0, 0, time.UTC)
			return table.Value{Type: table.Date, Int: floorDiv(d.UnixMilli(), dayMillis)}
		}})
	register("to_char|date_format", function{min: 2, max: 2, args: types(anyType, table.String),
		result: table.String, fn: func(v []table.Value) table.Value { return toChar(&v[0], v[1].Str) }})
}

func toTimestamp(v *table.Value, unit func(int64) int64) table.Value {
	out := table.Value{Type: table.Timestamp}
	switch {
	case v.Type == table.Float64:
		out.Int = int64(v.Float() * float64(unit(1000)) / 1000)
		return out
	case v.Type.Number():
		out.Int = unit(v.Int)
		return out
	}
	t, ok := convertTime(v, table.Timestamp)
	if !ok {
		fail(sql.StateInvalidValue, "%q is no time", short(Text(v)))
	}
	return t
}

func truncate(unit string, millis int64) int64 {
	if size, ok := intervalUnits[strings.TrimSuffix(unit, "s")]; ok && size <= dayMillis {
		return floorDiv(millis, size) * size
	}
	t := time.UnixMilli(millis).UTC()
	day := func(y int, m time.Month, d int) int64 {
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).UnixMilli()
	}
	switch unit {
	case "microsecond", "microseconds", "nanosecond":
		return millis
	case "week":
		return day(t.Year(), t.Month(), t.Day()-(int(t.Weekday())+6)%7)
	case "month":
		return day(t.Year(), t.Month(), 1)
	case "quarter":
		return day(t.Year(), (t.Month()-1)/3*3+1, 1)
	case "year":
		return day(t.Year(), 1, 1)
	case "decade":
		return day(t.Year()/10*10, 1, 1)
	case "century":
		return day((t.Year()-1)/100*100+1, 1, 1)
	}
	fail(sql.StateInvalidValue, "date_trunc knows no unit %q", short(unit))
	return 0
}

func dateBin(v []table.Value) table.Value {
	origin := int64(0)
	if len(v) == 3 {
		origin = v[2].Int
	}
	out := table.Value{Type: table.Timestamp}
	if months := int64(v[0].Months); months != 0 {
		t, o := time.UnixMilli(v[1].Int).UTC(), time.UnixMilli(origin).UTC()
		n := int64(t.Year()-o.Year())*12 + int64(t.Month()-o.Month())
		out.Int = AddMonths(origin, int(floorDiv(n, months)*months))
		return out
	}
	if v[0].Int <= 0 {
		fail(sql.StateInvalidValue, "date_bin takes an interval greater than 0")
	}
	out.Int = floorDiv(v[1].Int-origin, v[0].Int)*v[0].Int + origin
	return out
}

// ExtractPart makes EXTRACT.
func ExtractPart(field string, x *Expr, text string, pos int) (*Expr, error) {
	switch x.Type {
	case table.Timestamp, table.Date, table.Duration, table.Interval, table.Null:
	default:
		c, ok := Cast(x, table.Timestamp, false)
		if !ok {
			return nil, sql.Errorf(sql.StateType, pos, "cannot extract %s from a value of type %s", field, x.Type)
		}
		x = c
	}
	return Unary(table.Float64, text, func(v *table.Value) table.Value {
		return table.Real(part(field, v))
	}, x), nil
}

func part(field string, v *table.Value) float64 {
	switch v.Type {
	case table.String:
		at, ok := ParseTime(v.Str)
		if !ok {
			fail(sql.StateInvalidValue, "%q is no time", short(v.Str))
		}
		v = &table.Value{Type: table.Timestamp, Int: at}
	case table.Duration, table.Interval:
		return partOfSpan(field, v)
	}
	millis := instant(v)
	t := time.UnixMilli(millis).UTC()
	switch strings.TrimSuffix(field, "s") {
	case "epoch":
		return float64(millis) / 1000
	case "year":
		return float64(t.Year())
	case "quarter":
		return float64((t.Month()-1)/3 + 1)
	case "month":
		return float64(t.Month())
	case "week":
		_, w := t.ISOWeek()
		return float64(w)
	case "day":
		return float64(t.Day())
	case "dow":
		return float64(t.Weekday())
	case "isodow":
		return float64((int(t.Weekday())+6)%7 + 1)
	case "doy":
		return float64(t.YearDay())
	case "hour":
		return float64(t.Hour())
	case "minute":
		return float64(t.Minute())
	case "second":
		return float64(t.Second()) + float64(t.Nanosecond())/1e9
	case "millisecond":
		return float64(t.Second())*1e3 + float64(t.Nanosecond())/1e6
	case "microsecond":
		return float64(t.Second())*1e6 + float64(t.Nanosecond())/1e3
	}
	fail(sql.StateInvalidValue, "a time has no part %q", short(field))
	return 0
}

func partOfSpan(field string, v *table.Value) float64 {
	millis := v.Int + int64(v.Months)*monthMillis
	switch unit := strings.TrimSuffix(field, "s"); unit {
	case "epoch":
		return float64(millis) / 1000
	case "year":
		return float64(v.Months / 12)
	case "month":
		return float64(v.Months % 12)
	case "day":
		return float64(v.Int / dayMillis)
	case "hour":
		return float64(v.Int % dayMillis / 3600000)
	case "minute":
		return float64(v.Int % 3600000 / 60000)
	case "second":
		return float64(v.Int%60000) / 1000
	case "millisecond":
		return float64(v.Int % 60000)
	}
	fail(sql.StateInvalidValue, "a span of time has no part %q", short(field))
	return 0
}

func inZone(v []table.Value) table.Value {
	zone, err := time.LoadLocation(v[1].Str)
	if err != nil {
		fail(sql.StateInvalidValue, "there is no time zone %q", short(v[1].Str))
	}
	t := time.UnixMilli(v[0].Int).In(zone)
	_, offset := t.Zone()
	return table.Value{Type: table.Timestamp, Int: v[0].Int + int64(offset)*1000}
}

// charPatterns are the parts of to_char's patterns that are known, PostgreSQL's and C's.
var charPatterns = strings.NewReplacer("YYYY", "2006", "MM", "01", "DD", "02", "HH24", "15",
	"HH12", "03", "MI", "04", "SS", "05", "MS", "000", "%Y", "2006", "%m", "01", "%d", "02", "%H", "15",
	"%M", "04", "%S", "05", "%T", "15:04:05", "%F", "2006-01-02", "%y", "06", "%b", "Jan", "%a", "Mon")

func toChar(v *table.Value, pattern string) table.Value {
	if v.Type != table.Timestamp && v.Type != table.Date {
		return table.Text(Text(v))
	}
	return table.Text(time.UnixMilli(instant(v)).UTC().Format(charPatterns.Replace(pattern)))
}
