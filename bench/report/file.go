package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// WriteFiles writes path.json and what WriteReadable writes.
func (r *Report) WriteFiles(path string) error {
	if err := r.WriteJSON(path + ".json"); err != nil {
		return err
	}
	return r.WriteReadable(path)
}

// WriteReadable writes path.md, path.html and path.bench, making the directory if need be.
func (r *Report) WriteReadable(path string) error {
	for suffix, write := range map[string]func(io.Writer) error{
		".md": r.WriteMarkdown, ".html": r.WriteHTML, ".bench": r.writeBenchmarks,
	} {
		var text bytes.Buffer
		if err := write(&text); err != nil {
			return err
		}
		if err := writeFile(path+suffix, text.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// writeBenchmarks writes every run in the Go benchmark format, so that benchstat can compare
// reports, or servers within one (-col /server).
func (r *Report) writeBenchmarks(w io.Writer) error {
	var text bytes.Buffer
	fmt.Fprintf(&text, "goos: %s\ncpu: %s\n", r.Machine.OS, r.Machine.CPU)
	for _, run := range r.Runs {
		name := strings.ReplaceAll(run.Case.Name(), " ", "-")
		fmt.Fprintf(&text, "Benchmark/scenario=%s/clients=%d/server=%s 1",
			name, run.Case.Clients, run.Server)
		for _, figure := range Figures {
			if value, ok := run.Figures[figure.Key]; ok && figure.Key != errorsKey {
				fmt.Fprintf(&text, " %g %s", value, figure.Key)
			}
		}
		text.WriteByte('\n')
	}
	if _, err := w.Write(text.Bytes()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// WriteJSON writes the whole report to a file.
func (r *Report) WriteJSON(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	return writeFile(path, append(text, '\n'))
}

func writeFile(path string, text []byte) error {
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, text, 0o644)
	}
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// WriteMarkdown writes the report for readers.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "# %s, %s\n\n", r.title(), r.Date.UTC().Format(time.DateOnly))
	fmt.Fprintf(&text, "    %s\n\n", r.Command)
	r.writeServers(&text)
	r.writeMachine(&text)
	if verdicts := r.Verdicts(); len(verdicts) > 0 {
		text.WriteString("\n## Targets\n\n")
		writeMarkdownTable(&text, verdictRows(verdicts))
	}
	text.WriteString("\nMedians over rounds; *noise* is (largest - smallest) / median over them.\n")
	for _, part := range r.parts() {
		if title := partTitles[part]; title != "" {
			fmt.Fprintf(&text, "\n## %s\n", title)
		}
		text.WriteString("\n")
		writeMarkdownTable(&text, r.rows(part, r.figures(part, true)))
	}
	r.writeComparison(&text)
	r.writeMeanings(&text)
	for _, note := range r.Notes {
		fmt.Fprintf(&text, "\nNote: %s\n", note)
	}
	for _, run := range r.Runs {
		for _, example := range run.Errors {
			fmt.Fprintf(&text, "\nError in %s, %s, round %d: `%s`\n",
				run.Case.Scenario, run.Server, run.Round, example)
		}
	}
	if _, err := io.WriteString(w, text.String()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

func (r *Report) title() string {
	return map[string]string{
		"run": "Load", "idle": "Start and idle", "recovery": "Recovery after kill -9",
		"sql": "Queries", KindAll: "All benchmarks",
	}[r.Kind]
}

const comparisonText = "*±* is half the noise. The interval holds the ratio of the servers with " +
	"a confidence of 95 %, from the ratios of the rounds; if 1 lies in it, the servers may well not " +
	"differ. *p* is the probability of such a difference between servers that do not differ " +
	"(Mann-Whitney): with three rounds it cannot be less than 0.1, with four not less than 0.03."

func (r *Report) writeComparison(text *strings.Builder) {
	rows := r.comparison()
	if len(rows) == 1 {
		return
	}
	text.WriteString("\n## Comparison\n\n" + comparisonText + "\n\n")
	writeMarkdownTable(text, rows)
}

func (r *Report) writeMeanings(text *strings.Builder) {
	text.WriteString("\n## Columns\n\n")
	for _, figure := range r.occurring() {
		fmt.Fprintf(text, "- **%s**: %s.\n", figure.Title, figure.Meaning)
	}
}

func (r *Report) writeServers(text *strings.Builder) {
	for _, server := range r.Servers {
		version := server.Version
		if version == "" {
			version = "version unknown"
		}
		fmt.Fprintf(text, "- %s (%s): `%s`\n", server.Name, version, server.Command)
	}
}

func (r *Report) writeMachine(text *strings.Builder) {
	m := r.Machine
	fmt.Fprintf(text, "- machine: %s, %d cores, %d MiB, %s, kernel %s\n",
		m.CPU, m.Cores, m.MemoryMiB, m.OS, m.Kernel)
	fmt.Fprintf(text, "- data: %s on %s (%s); append and fsync of 4 KiB: p50 %.2f ms, p99 %.2f ms\n",
		m.Mount.FileSystem, m.Mount.Device, m.Mount.Options, m.SyncP50Ms, m.SyncP99Ms)
	fmt.Fprintf(text, "- load average before: %s; %s; commit %s\n",
		m.LoadAverage, m.GoVersion, m.Commit)
}

func writeMarkdownTable(text *strings.Builder, rows [][]string) {
	for i, row := range rows {
		fmt.Fprintf(text, "| %s |\n", strings.Join(row, " | "))
		if i > 0 {
			continue
		}
		for column := range row {
			if column < textColumns {
				text.WriteString("|---")
			} else {
				text.WriteString("|---:")
			}
		}
		text.WriteString("|\n")
	}
}
