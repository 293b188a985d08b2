package duration

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

const (
	day  = 24 * time.Hour
	week = 7 * day

	// maxLength is the longest text Parse looks at, in bytes. The longest friendly text with a
	// meaning is far shorter; the limit keeps a hostile request parameter cheap.
	maxLength = 256

	// maxFractionDigits is how many digits behind the point count; later ones are below a
	// nanosecond for every unit up to a week and are cut off.
	maxFractionDigits = 15
)

// examples closes every error, so that whoever reads it can mend the text at once.
const examples = `write for example "500ms", "1m 30s", "10 days" or "PT1M30S"`

// units are the spellings of the friendly form, in lower case.
var units = map[string]time.Duration{
	"w": week, "wk": week, "wks": week, "week": week, "weeks": week,
	"d": day, "day": day, "days": day,
	"h": time.Hour, "hr": time.Hour, "hrs": time.Hour, "hour": time.Hour, "hours": time.Hour,
	"m": time.Minute, "min": time.Minute, "mins": time.Minute,
	"minute": time.Minute, "minutes": time.Minute,
	"s": time.Second, "sec": time.Second, "secs": time.Second,
	"second": time.Second, "seconds": time.Second,
	"ms": time.Millisecond, "msec": time.Millisecond, "msecs": time.Millisecond,
	"milli": time.Millisecond, "millis": time.Millisecond,
	"millisecond": time.Millisecond, "milliseconds": time.Millisecond,
	"us": time.Microsecond, "usec": time.Microsecond, "usecs": time.Microsecond,
	"\u00b5s": time.Microsecond, "\u03bcs": time.Microsecond,
	"micro": time.Microsecond, "micros": time.Microsecond,
	"microsecond": time.Microsecond, "microseconds": time.Microsecond,
	"ns": time.Nanosecond, "nsec": time.Nanosecond, "nsecs": time.Nanosecond,
	"nano": time.Nanosecond, "nanos": time.Nanosecond,
	"nanosecond": time.Nanosecond, "nanoseconds": time.Nanosecond,
}

// calendar are the units without a fixed length; they get an error of their own.
var calendar = map[string]bool{
	"y": true, "yr": true, "yrs": true, "year": true, "years": true,
	"mo": true, "mos": true, "month": true, "months": true,
}

var (
	errEmpty    = errors.New("it is empty")
	errNegative = errors.New("a negative length of time is not allowed")
	errTooLong  = errors.New("it is longer than 292 years, the longest that can be kept")
	errCalendar = errors.New("months and years have no fixed length; use days or weeks")
)

// Parse reads a length of time in friendly or ISO 8601 form. Case does not matter. Units must
// descend and may not repeat; every number may have a fraction. A lone "0" needs no unit.
// The error quotes the text, names what is wrong and shows texts that would do.
func Parse(text string) (time.Duration, error) {
	d, err := parse(text)
	if err != nil {
		shown := text
		if len(shown) > maxLength {
			shown = shown[:32] + "..."
		}
		return 0, fmt.Errorf("parse duration %q: %w; %s", shown, err, examples)
	}
	return d, nil
}

func parse(text string) (time.Duration, error) {
	if len(text) > maxLength {
		return 0, fmt.Errorf("it has %d bytes, the limit is %d", len(text), maxLength)
	}
	s := strings.ToLower(strings.TrimSpace(text))
	switch {
	case s == "":
		return 0, errEmpty
	case s[0] == '-' || strings.HasSuffix(s, " ago"):
		return 0, errNegative
	case s == "0":
		return 0, nil
	}
	s = strings.TrimPrefix(s, "+")
	if strings.HasPrefix(s, "p") {
		return parseISO(s[1:])
	}
	return parseFriendly(s)
}

// sum adds up the parts of one text and insists that units descend.
type sum struct {
	total time.Duration
	last  time.Duration // unit of the part before; zero before the first
}

func (s *sum) add(n number, unit time.Duration) error {
	if s.last != 0 && unit >= s.last {
		return errors.New("units must descend and may not repeat")
	}
	s.last = unit
	part, err := n.times(unit)
	if err != nil {
		return err
	}
	if part > math.MaxInt64-s.total {
		return errTooLong
	}
	s.total += part
	return nil
}

// parseFriendly reads "1h 30m", "1 hour, 30 minutes", "1h30m".
func parseFriendly(s string) (time.Duration, error) {
	var acc sum
	for s != "" {
		n, rest, err := takeNumber(s)
		if err != nil {
			return 0, err
		}
		name, rest := takeWord(strings.TrimLeft(rest, " \t"))
		switch {
		case name == "":
			return 0, fmt.Errorf("the number %s has no unit", n)
		case calendar[name]:
			return 0, errCalendar
		case units[name] == 0:
			return 0, fmt.Errorf("%q is not a unit", name)
		}
		if err := acc.add(n, units[name]); err != nil {
			return 0, err
		}
		if s, err = skipSeparator(rest); err != nil {
			return 0, err
		}
	}
	return acc.total, nil
}

// skipSeparator drops blanks and at most one comma, which must have a part behind it.
func skipSeparator(s string) (string, error) {
	s = strings.TrimLeft(s, " \t")
	if !strings.HasPrefix(s, ",") {
		return s, nil
	}
	s = strings.TrimLeft(s[1:], " \t")
	if s == "" {
		return "", errors.New("nothing follows the last comma")
	}
	return s, nil
}

// parseISO reads what follows the P of an ISO 8601 duration.
func parseISO(s string) (time.Duration, error) {
	var acc sum
	inTime, parts := false, 0
	for s != "" {
		if s[0] == 't' && !inTime {
			inTime, parts, s = true, 0, s[1:]
			continue
		}
		n, rest, err := takeNumber(s)
		if err != nil {
			return 0, err
		}
		if rest == "" {
			return 0, fmt.Errorf("the number %s has no unit", n)
		}
		unit, err := isoUnit(rest[0], inTime)
		if err != nil {
			return 0, err
		}
		if err := acc.add(n, unit); err != nil {
			return 0, err
		}
		s = rest[1:]
		parts++
	}
	if parts == 0 {
		return 0, errors.New("an ISO 8601 duration needs a number behind its P and behind its T")
	}
	return acc.total, nil
}

func isoUnit(letter byte, inTime bool) (time.Duration, error) {
	switch {
	case !inTime && letter == 'w':
		return week, nil
	case !inTime && letter == 'd':
		return day, nil
	case !inTime && (letter == 'y' || letter == 'm'):
		return 0, errCalendar
	case inTime && letter == 'h':
		return time.Hour, nil
	case inTime && letter == 'm':
		return time.Minute, nil
	case inTime && letter == 's':
		return time.Second, nil
	}
	return 0, fmt.Errorf("%q is not an ISO 8601 unit there", strings.ToUpper(string(rune(letter))))
}

// number is a decimal number, kept as its digits so that fractions stay exact.
type number struct {
	whole    uint64
	fraction string // digits behind the point
}

func (n number) String() string {
	if n.fraction == "" {
		return strconv.FormatUint(n.whole, 10)
	}
	return strconv.FormatUint(n.whole, 10) + "." + n.fraction
}

// times multiplies, cutting off what is below a nanosecond.
func (n number) times(unit time.Duration) (time.Duration, error) {
	if n.whole > uint64(math.MaxInt64/unit) {
		return 0, errTooLong
	}
	total := time.Duration(n.whole) * unit
	digits, scale := uint64(0), uint64(1)
	for i := 0; i < len(n.fraction) && i < maxFractionDigits; i++ {
		digits = digits*10 + uint64(n.fraction[i]-'0')
		scale *= 10
	}
	// digits < scale, so the quotient is below unit and the division cannot overflow.
	hi, lo := bits.Mul64(digits, uint64(unit))
	part, _ := bits.Div64(hi, lo, scale)
	if time.Duration(part) > math.MaxInt64-total {
		return 0, errTooLong
	}
	return total + time.Duration(part), nil
}

// takeNumber splits a decimal number off the front of s.
func takeNumber(s string) (n number, rest string, err error) {
	end := digitsEnd(s)
	if end == 0 {
		return n, s, fmt.Errorf("a number is missing before %q", s)
	}
	if n.whole, err = strconv.ParseUint(s[:end], 10, 64); err != nil {
		return n, s, errTooLong
	}
	s = s[end:]
	if !strings.HasPrefix(s, ".") {
		return n, s, nil
	}
	end = digitsEnd(s[1:]) + 1
	if end == 1 {
		return n, s, errors.New("a digit is missing behind the point")
	}
	n.fraction = s[1:end]
	return n, s[end:], nil
}

func digitsEnd(s string) int {
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	return end
}

// takeWord splits off everything up to a blank, a comma or the next number.
func takeWord(s string) (word, rest string) {
	end := strings.IndexAny(s, " \t,.+-0123456789")
	if end < 0 {
		end = len(s)
	}
	return s[:end], s[end:]
}
