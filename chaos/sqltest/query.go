package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// query is one query of the corpus. {label} stands for an ID, see fixture.go.
type query struct {
	text    string
	differs string // why the servers answer differently; empty: they do not
	some    bool   // which rows come is left open: they are counted
}

// readQueries reads blocks that are separated by empty lines: comments, then a query.
func readQueries(name string) (list []query, err error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	for block := range strings.SplitSeq(string(b), "\n\n") {
		var q query
		for line := range strings.SplitSeq(strings.TrimSpace(block), "\n") {
			switch {
			case strings.HasPrefix(line, "# differs: "):
				q.differs = strings.TrimPrefix(line, "# differs: ")
			case line == "# some":
				q.some = true
			case !strings.HasPrefix(line, "#"):
				q.text = strings.TrimSpace(q.text + "\n" + line)
			}
		}
		if q.text != "" {
			list = append(list, q)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s has no queries", name)
	}
	return list, nil
}

// answer is what a server says to a query, in the form that is compared.
type answer struct {
	refused bool
	rows    []string // sorted
	text    string   // of an error
}

// judge says what is wrong about two answers to a query; empty: nothing.
func (q *query) judge(want, got answer) string {
	problem := q.compare(want, got)
	switch {
	case q.differs == "":
		return problem
	case problem == "":
		return "  the answers are the same, and should differ: " + q.differs
	}
	return ""
}

func (q *query) compare(want, got answer) string {
	switch {
	case want.refused != got.refused:
		return fmt.Sprintf("  refused: %v and %v: %s%s", want.refused, got.refused, want.text, got.text)
	case want.refused:
		return ""
	case q.some && len(want.rows) != len(got.rows):
		return fmt.Sprintf("  %d rows and %d", len(want.rows), len(got.rows))
	case q.some:
		return ""
	}
	var b strings.Builder
	for len(want.rows) > 0 || len(got.rows) > 0 {
		switch {
		case len(got.rows) == 0 || len(want.rows) > 0 && want.rows[0] < got.rows[0]:
			fmt.Fprintf(&b, "  should be: %s\n", want.rows[0])
			want.rows = want.rows[1:]
		case len(want.rows) == 0 || got.rows[0] < want.rows[0]:
			fmt.Fprintf(&b, "  is:        %s\n", got.rows[0])
			got.rows = got.rows[1:]
		default:
			want.rows, got.rows = want.rows[1:], got.rows[1:]
		}
	}
	return b.String()
}

// replaced are what differs from run to run, in the JSON of a row.
var replaced = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?`), "<time>"},
	{regexp.MustCompile(`"P[0-9D]*T[0-9.]*\.[0-9]+S"`), `"<span>"`},
	{regexp.MustCompile(`http://127\.0\.0\.1:\d+/?`), "<services>"},
	{regexp.MustCompile(`"(sleep_wakeup_at|wake_up_time)":\d+`), `"$1":<time>`},
	{regexp.MustCompile(`\\"wake_up_time\\":\d+`), `\"wake_up_time\":<time>`},
	{regexp.MustCompile(`sign_1[0-9A-Za-z_-]+|prom_1[0-9A-Za-z_-]+`), "<awakeable>"},
	{regexp.MustCompile(`"partition_key":\d+`), `"partition_key":<key>`},
}

// madeUp is an idempotency key that no caller gave.
var madeUp = regexp.MustCompile(`^"01[0-9A-Z]{24}"$`)

// ask asks a query and brings the answer into the form that is compared.
func (s *side) ask(ctx context.Context, q query) (a answer, err error) {
	text := s.fill(q.text)
	status, body, err := s.post(ctx, s.admin+"/query", text)
	if err != nil {
		return a, err
	}
	if status != 200 {
		return answer{refused: true, text: string(body)}, nil
	}
	var result struct {
		Rows []json.RawMessage `json:"rows"`
	}
	if err := json.Unmarshal(body, &result); err != nil {
		return a, fmt.Errorf("the answer is not what it should be: %w: %.200s", err, body)
	}
	for _, raw := range result.Rows {
		row, err := s.normal(raw)
		if err != nil {
			return a, err
		}
		a.rows = append(a.rows, row)
	}
	slices.SortFunc(a.rows, cmp.Compare)
	return a, nil
}

// normal is a row with its members sorted, and with names for what differs from run to run.
func (s *side) normal(raw json.RawMessage) (string, error) {
	var row map[string]json.RawMessage
	if err := json.Unmarshal(raw, &row); err != nil {
		return "", fmt.Errorf("a row is no object: %w: %.200s", err, raw)
	}
	if madeUp.Match(row["idempotency_key"]) {
		delete(row, "idempotency_key") // the reference server makes one up where there is none
	}
	b, err := json.Marshal(row)
	if err != nil {
		return "", fmt.Errorf("encode a row: %w", err)
	}
	text := s.names.Replace(string(b))
	for _, r := range replaced {
		text = r.pattern.ReplaceAllString(text, r.with)
	}
	return text, nil
}

// compareRecorded compares what this server answers with what is recorded, or records it.
func compareRecorded(ctx context.Context, opts options, own *side, queries []query,
	report func(query, string),
) error {
	name := filepath.Join(opts.dir, "expected.txt")
	if opts.record {
		return record(ctx, name, own, queries, report)
	}
	expected, err := readExpected(name)
	if err != nil {
		return err
	}
	for _, q := range queries {
		want, ok := expected[q.text]
		if !ok {
			report(q, "  it is not recorded: run sqltest -record, and review the difference")
			continue
		}
		got, err := own.ask(ctx, q)
		if err != nil {
			return fmt.Errorf("ask %s: %w", q.text, err)
		}
		report(q, q.compare(want, got))
	}
	return nil
}

func record(ctx context.Context, name string, own *side, queries []query, report func(query, string),
) error {
	var b strings.Builder
	b.WriteString("# What this server answers to queries.sql; see doc.go. Written by sqltest -record.\n")
	for _, q := range queries {
		a, err := own.ask(ctx, q)
		if err != nil {
			return fmt.Errorf("ask %s: %w", q.text, err)
		}
		fmt.Fprintf(&b, "\n%s\n----\n", q.text)
		if a.refused {
			b.WriteString("refused\n")
		}
		for _, row := range a.rows {
			b.WriteString(row + "\n")
		}
		report(q, "")
	}
	return os.WriteFile(name, []byte(b.String()), 0o644)
}

func readExpected(name string) (map[string]answer, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all := map[string]answer{}
	var text string
	var a answer
	inAnswer := false
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		switch line := lines.Text(); {
		case inAnswer && line == "":
			all[text], text, a, inAnswer = a, "", answer{}, false
		case inAnswer && line == "refused":
			a.refused = true
		case inAnswer:
			a.rows = append(a.rows, line)
		case line == "----":
			inAnswer = true
		case !strings.HasPrefix(line, "#"):
			text = strings.TrimSpace(text + "\n" + line)
		}
	}
	all[text] = a
	return all, lines.Err()
}
