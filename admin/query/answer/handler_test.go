package answer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/perdure/perdure/admin/query"
	"github.com/perdure/perdure/admin/query/table"
)

// fixture is a source with a table of one row of each type, one of NULLs only, and one that cannot be
// read after some rows.
type fixture struct{ tables []*table.Table }

func newFixture() *fixture {
	all := &table.Table{Name: "all_types", Columns: []table.Column{
		{Name: "b", Type: table.Bool}, {Name: "i", Type: table.Int64}, {Name: "u", Type: table.Uint32},
		{Name: "big", Type: table.Uint64}, {Name: "f", Type: table.Float64}, {Name: "s", Type: table.String},
		{Name: "bin", Type: table.Binary}, {Name: "ts", Type: table.Timestamp},
		{Name: "dur", Type: table.Duration}, {Name: "iv", Type: table.Interval},
		{Name: "d", Type: table.Date}, {Name: "l", Type: table.ListUint32},
		{Name: "ls", Type: table.ListString},
	}}
	broken := &table.Table{Name: "broken", Columns: []table.Column{{Name: "s", Type: table.String}}}
	return &fixture{[]*table.Table{all, broken}}
}

func (f *fixture) Tables() []*table.Table          { return f.tables }
func (f *fixture) Partitions(*table.Scan) []uint16 { return []uint16{0} }
func (f *fixture) row() []table.Value {
	return []table.Value{
		table.Truth(true), table.Integer(-1), {Type: table.Uint32, Int: 4294967295},
		{Type: table.Uint64, Int: -1}, table.Real(1.5), table.Text("h\u00e9 \"\\\n\x01<"),
		{Type: table.Binary, Str: "\x00\xff"}, {Type: table.Timestamp, Int: 1767225600250},
		{Type: table.Duration, Int: 463545}, {Type: table.Interval, Months: 1, Int: 86400000 + 5},
		{Type: table.Date, Int: 1}, {Type: table.ListUint32, List: []table.Value{{Type: table.Uint32, Int: 7}}},
		{Type: table.ListString, List: []table.Value{table.Text("x"), {}}},
	}
}

func (f *fixture) Open(_ context.Context, _ uint16, q *table.Scan) (table.Reader, error) {
	if q.Table.Name == "broken" {
		return &brokenReader{}, nil
	}
	return table.Listed(q, [][]table.Value{f.row(), {}}), nil
}

// brokenReader fails after so many rows that part of the answer is sent.
type brokenReader struct{ batches int }

func (r *brokenReader) Next(b *table.Batch) (bool, error) {
	b.Reset()
	if r.batches++; r.batches > 20 {
		return false, errors.New("the disk is on fire")
	}
	for range b.Cap() {
		if len(b.Columns) > 0 {
			b.Columns[0].AppendString(strings.Repeat("x", 100))
		}
		b.Rows++
	}
	return true, nil
}

func (r *brokenReader) Close() error { return nil }

func serve(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(New(query.New(query.Config{Tables: newFixture()})))
	t.Cleanup(s.Close)
	return s
}

func post(t *testing.T, s *httptest.Server, accept, contentType, body string) (*http.Response, []byte, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/query", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Accept", accept)
	resp, err := s.Client().Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, b, err
}

func ask(sql string) string { return fmt.Sprintf("{\"query\":%q}", sql) }

func TestJSON(t *testing.T) {
	s := serve(t)
	for _, c := range [][2]string{
		{"select * from all_types", `{"rows":[{"b":true,"i":-1,"u":4294967295,"big":18446744073709551615,` +
			`"f":1.5,"s":"hé \"\\\n\u0001<","bin":"00ff","ts":"2026-01-01T00:00:00.250Z","dur":"PT463.545S",` +
			`"iv":"1 mons 1 days 0.005 secs","d":"1970-01-02","l":[7],"ls":["x",null]},{}]}`},
		{"select i from all_types where false", `{"rows":[]}`},
		{"select 1 as \"a\"\"b\", now() - now() as zero", `{"rows":[{"a\"b":1,"zero":"P0D"}]}`},
	} {
		resp, b, err := post(t, s, "application/json", "application/json", ask(c[0]))
		if err != nil || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/json" {
			t.Fatalf("%s: %v %v", c[0], resp, err)
		}
		if string(b) != c[1] {
			t.Errorf("%s gives\n%s, want\n%s", c[0], b, c[1])
		}
	}
}

func TestArrow(t *testing.T) {
	s := serve(t)
	for _, accept := range []string{"", "*/*", "application/json, text/plain", "Application/JSON"} {
		resp, b, err := post(t, s, accept, "application/json", ask("select *, count(*) over () n from all_types"))
		if err != nil || resp.StatusCode != 200 ||
			resp.Header.Get("Content-Type") != "application/vnd.apache.arrow.stream" {
			t.Fatalf("%q: %v %v", accept, resp, err)
		}
		r, err := ipc.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := r.Schema().String(), "schema:\n  fields: 14\n    - b: type=bool, nullable"; !strings.HasPrefix(got, want) {
			t.Errorf("the schema is %s", got)
		}
		if !r.Next() {
			t.Fatal("there is no batch", r.Err())
		}
		checkBatch(t, r.RecordBatch())
		if r.Next() {
			t.Error("there is a second batch")
		}
		r.Release()
	}
}

func checkBatch(t *testing.T, batch arrow.RecordBatch) {
	t.Helper()
	if batch.NumRows() != 2 {
		t.Fatalf("%d rows", batch.NumRows())
	}
	want := []string{
		"true", "-1", "4294967295", "18446744073709551615", "1.5", "h\u00e9 \"\\\n\x01<", "AP8=",
		"2026-01-01T00:00:00.25Z", "463545ms", "{1 1 5000000}", "1970-01-02", "[7]", `["x",null]`, "2",
	}
	for i, w := range want {
		c := batch.Column(i)
		if i == 9 {
			v := c.(*array.MonthDayNanoInterval).Value(0)
			if v.Months != 1 || v.Days != 1 || v.Nanoseconds != 5_000_000 {
				t.Errorf("the interval is %v", v)
			}
			continue
		}
		if got := c.ValueStr(0); got != w {
			t.Errorf("column %s is %s, want %s", batch.ColumnName(i), got, w)
		}
		if i < 13 && !c.IsNull(1) {
			t.Errorf("column %s of the second row is %s", batch.ColumnName(i), c.ValueStr(1))
		}
	}
}

// TestNoRows: a stream without rows has a schema all the same.
func TestNoRows(t *testing.T) {
	_, b, err := post(t, serve(t), "*/*", "application/json", ask("select i, s from all_types where false"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := ipc.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if r.Schema().NumFields() != 2 || r.Next() {
		t.Errorf("the stream is not empty, or has no schema: %v", r.Schema())
	}
}

func TestRefusals(t *testing.T) {
	s := serve(t)
	for _, c := range []struct {
		contentType, body string
		status            int
		say               string
	}{
		{"text/plain", ask("select 1"), 415, "Content-Type"},
		{"application/json", "x", 400, "parse"},
		{"application/json", "{}", 422, "query"},
		{"application/json", `{"query":1}`, 422, "number"},
		{"application/json", ask(""), 400, `"message":"there is no statement`},
		{"application/json", ask("selec 1"), 400, `"message":"syntax error`},
		{"application/json", ask("delete from all_types"), 400, "only read"},
		{"application/json", ask("select x from all_types"), 500, "there is no column x"},
		{"application/json", ask("select * from nowhere"), 500, "there is no table nowhere"},
		{"application/json", ask("select i / 0 from all_types"), 500, "division by zero"},
	} {
		for _, accept := range []string{"application/json", "*/*"} {
			resp, b, err := post(t, s, accept, c.contentType, c.body)
			if err != nil || resp.StatusCode != c.status || !strings.Contains(string(b), c.say) {
				t.Errorf("%s: %v %s %v, want %d and %q", c.body, resp.Status, b, err, c.status, c.say)
			}
		}
	}
	resp, err := s.Client().Get(s.URL + "/query")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 405 || resp.Header.Get("Allow") != "POST" {
		t.Errorf("GET is answered with %s, Allow: %s", resp.Status, resp.Header.Get("Allow"))
	}
}

// TestBrokenAnswer: once part of an answer is sent, a failure cuts the connection.
func TestBrokenAnswer(t *testing.T) {
	s := serve(t)
	for _, accept := range []string{"application/json", "*/*"} {
		resp, b, err := post(t, s, accept, "application/json", ask("select s from broken"))
		if err == nil {
			t.Errorf("%s: the answer of %d bytes ends as if it were whole: %v", accept, len(b), resp.Status)
		}
		resp, b, err = post(t, s, accept, "application/json", ask("select count(*) from broken"))
		if err != nil || resp.StatusCode != 503 || !strings.Contains(string(b), "the disk is on fire") {
			t.Errorf("%s: %v %s %v, want 503", accept, resp, b, err)
		}
	}
}
