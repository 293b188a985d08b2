package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// WriteTable writes the medians and ratios as aligned plain text.
func (r *Report) WriteTable(w io.Writer) error {
	rows := r.rows(r.figures(false))
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var text strings.Builder
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

const textColumns = 2 // scenario and server are aligned to the left

// rows returns a heading and a row per summary and ratio.
func (r *Report) rows(figures []Figure) [][]string {
	heading := []string{"scenario", "server", "clients", "noise"}
	for _, figure := range figures {
		heading = append(heading, figure.Title)
	}
	rows := [][]string{heading}
	for i, s := range r.Summaries {
		row := []string{s.Case.name(), s.Server, dash(s.Case.Clients), percent(s.noise(), s.Rounds)}
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

func (c Case) name() string {
	if c.Rate > 0 {
		return c.Scenario + "@" + strconv.FormatFloat(c.Rate, 'f', -1, 64) + "/s"
	}
	return c.Scenario
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
	return strconv.FormatFloat(value, 'f', decimals, 64) + suffix
}
