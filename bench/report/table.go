package report

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// WriteTable writes the medians and ratios as aligned plain text.
func (r *Report) WriteTable(w io.Writer) error {
	var text strings.Builder
	for i, part := range r.parts() {
		if i > 0 {
			text.WriteString("\n")
		}
		if title := partTitles[part]; title != "" {
			text.WriteString(title + "\n")
		}
		writeAligned(&text, r.rows(part, r.figures(part, false)))
	}
	if verdicts := r.Verdicts(); len(verdicts) > 0 {
		text.WriteString("\nTargets\n")
		writeAligned(&text, verdictRows(verdicts))
	}
	for _, run := range r.Runs {
		for _, example := range run.Errors {
			fmt.Fprintf(&text, "error: %s %s round %d: %s\n",
				run.Case.Scenario, run.Server, run.Round, example)
		}
	}
	if _, err := io.WriteString(w, text.String()); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	return nil
}

const textColumns = 2 // scenario and server, measure and goal are aligned to the left

var partTitles = map[Part]string{
	PartLoad:       "Load",
	PartPartitions: "Numbers of partitions",
	PartMemory:     "Memory over a whole round of load",
	PartStart:      "Start and idle",
	PartRecovery:   "Recovery after kill -9",
	PartMachine:    "Disk and loopback",
	PartFill:       "Making the invocations",
	PartQueries:    "Queries",
	PartBeside:     "Calls beside heavy queries",
}

func writeAligned(text *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i < textColumns {
				line.WriteString(cell + pad + "  ")
			} else {
				line.WriteString(pad + cell + "  ")
			}
		}
		text.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// rows returns a heading and a row per summary and ratio of a part.
func (r *Report) rows(part Part, figures []Figure) [][]string {
	heading := []string{"scenario", "server", "clients", "noise"}
	for _, figure := range figures {
		heading = append(heading, figure.Title)
	}
	rows := [][]string{heading}
	for i, s := range r.Summaries {
		if s.Case.Part != part {
			continue
		}
		row := []string{s.Case.Name(), s.Server, dash(s.Case.Clients), percent(s.noise(), s.Rounds)}
		for _, figure := range figures {
			row = append(row, cell(s.Figures, figure.Key, figure.Decimals, ""))
		}
		rows = append(rows, row)
		if i+1 < len(r.Summaries) && r.Summaries[i+1].Case == s.Case {
			continue
		}
		for _, ratio := range r.ratiosOf(s.Case) {
			row := []string{"", ratio.Of + "/" + ratio.To, "", ""}
			for _, figure := range figures {
				row = append(row, cell(ratio.Figures, figure.Key, 2, "x"))
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// Name is the scenario with what sets the case apart from others of the same scenario and number
// of clients.
func (c Case) Name() string {
	name := c.Scenario
	if c.Payload >= kib {
		name += " " + size(c.Payload)
	}
	if c.Rate > 0 {
		name += "@" + trimmed(c.Rate) + "/s"
	}
	if c.Share > 0 {
		name += "@" + trimmed(c.Share*100) + "%"
	}
	return name
}

const kib = 1 << 10

// size shows a number of bytes of at least a KiB.
func size(bytes int) string {
	switch {
	case bytes%(kib*kib) == 0:
		return strconv.Itoa(bytes/kib/kib) + "MiB"
	case bytes%kib == 0:
		return strconv.Itoa(bytes/kib) + "KiB"
	}
	return strconv.Itoa(bytes) + "B"
}

func dash(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

// percent shows the spread over rounds; one round has none.
func percent(share float64, rounds int) string {
	if rounds < 2 {
		return "-"
	}
	return strconv.FormatFloat(share*100, 'f', 0, 64) + "%"
}

func cell(figures map[string]float64, key string, decimals int, suffix string) string {
	value, ok := figures[key]
	if !ok {
		return "-"
	}
	if decimals == 0 && value < 10 && value != math.Trunc(value) {
		decimals = 1 // a rate of a few per second
	}
	return strconv.FormatFloat(value, 'f', decimals, 64) + suffix
}

// trimmed shows a number with as many decimals as it has.
func trimmed(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) }
