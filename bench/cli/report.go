package cli

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/perdure/perdure/bench/report"
)

const reportCommand = "report"

// rewriteReport reads reports that were written as JSON and writes them for readers. Several of
// one kind become one, as if all their rounds had been measured at once.
func rewriteReport(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench "+reportCommand, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: bench report [--out PATH] FILE.json...")
		flags.PrintDefaults()
	}
	out := flags.String("out", "",
		"write to `path`.md, path.html and path.bench (default: the first file without .json)")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return usageError{err}
	}
	if flags.NArg() == 0 {
		return usageError{errors.New("give the JSON of at least one report")}
	}
	var all report.Report
	for i, path := range flags.Args() {
		one, err := loadReport(path)
		if err != nil {
			return err
		}
		if i == 0 {
			all = one
			continue
		}
		if err := all.Append(one); err != nil {
			return fmt.Errorf("add %s: %w", path, err)
		}
	}
	all.Summarize()
	if err := all.WriteTable(stdout); err != nil {
		return err
	}
	if *out == "" {
		*out = strings.TrimSuffix(flags.Arg(0), ".json")
	}
	if flags.NArg() > 1 {
		return all.WriteFiles(*out)
	}
	return all.WriteReadable(*out)
}

func loadReport(path string) (report.Report, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return report.Report{}, fmt.Errorf("read a report: %w", err)
	}
	var r report.Report
	if err := json.Unmarshal(text, &r); err != nil {
		return report.Report{}, fmt.Errorf("read the report %s: %w", path, err)
	}
	return r, nil
}
