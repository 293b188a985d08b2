package scatter

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/perdure/perdure/admin/query/exec"
	"github.com/perdure/perdure/admin/query/table"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// shelf is a source of one partitioned table with a column of each type.
type shelf struct {
	table *table.Table
	rows  map[uint16][][]table.Value
	asked *table.Scan // the last scan
	fail  error
}

func newShelf() *shelf {
	s := &shelf{rows: map[uint16][][]table.Value{}, table: &table.Table{
		Name: "things", Partitioned: true, Columns: []table.Column{
			{Name: "b", Type: table.Bool}, {Name: "i", Type: table.Int64}, {Name: "u", Type: table.Uint64},
			{Name: "f", Type: table.Float64}, {Name: "s", Type: table.String},
			{Name: "bin", Type: table.Binary}, {Name: "ts", Type: table.Timestamp},
			{Name: "iv", Type: table.Interval}, {Name: "l", Type: table.ListUint32},
		},
	}}
	for p := range uint16(3) {
		for n := range 3000 {
			row := []table.Value{
				table.Truth(n%2 == 0), table.Integer(int64(n) - 5), {Type: table.Uint64, Int: -int64(n)},
				table.Real(float64(n) / 3), table.Text(strings.Repeat("x", n%7)),
				{Type: table.Binary, Str: string([]byte{0, byte(n), 255})},
				{Type: table.Timestamp, Int: int64(n) * 1000}, {Type: table.Interval, Months: int32(n), Int: 5},
				{Type: table.ListUint32, List: []table.Value{{Type: table.Uint32, Int: int64(n)}, {}}},
			}
			row[n%len(row)] = table.Value{} // NULL
			s.rows[p] = append(s.rows[p], row)
		}
	}
	return s
}

func (s *shelf) Tables() []*table.Table          { return []*table.Table{s.table} }
func (s *shelf) Partitions(*table.Scan) []uint16 { return []uint16{0, 1, 2} }

func (s *shelf) Open(_ context.Context, p uint16, q *table.Scan) (table.Reader, error) {
	s.asked = q
	if s.fail != nil {
		return nil, s.fail
	}
	return table.Listed(q, s.rows[p]), nil
}

// fixed leads each partition at one address.
type fixed struct{ at string }

func (f fixed) Leader(p uint16) (string, bool, error) { return f.at, p == 0, nil }

func all(t *testing.T, from table.Source, p uint16, q *table.Scan) (rows [][]table.Value, err error) {
	t.Helper()
	r, err := from.Open(t.Context(), p, q)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b := table.NewBatch(q)
	for {
		ok, err := r.Next(b)
		if err != nil || !ok {
			return rows, err
		}
		for i := range b.Rows {
			row := make([]table.Value, len(b.Columns))
			for c := range b.Columns {
				row[c] = b.Columns[c].Value(i)
			}
			rows = append(rows, row)
		}
	}
}

func everything(s *shelf) *table.Scan {
	q := &table.Scan{Table: s.table}
	for c := range s.table.Columns {
		q.Columns = append(q.Columns, c)
	}
	return q
}

// TestElsewhereAsHere: rows from another node are those that it has.
func TestElsewhereAsHere(t *testing.T) {
	there := newShelf()
	server := httptest.NewServer(NewServer(there, exec.NewPace(1, nil)))
	defer server.Close()
	here := newShelf()
	here.rows[0] = here.rows[0][:1]
	s := NewSource(Config{Local: here, Leaders: fixed{server.URL}, Client: server.Client()})
	for _, q := range []*table.Scan{
		everything(here), {Table: here.table, Columns: []int{4, 0}}, {Table: here.table},
	} {
		got, err := all(t, s, 1, q)
		if err != nil {
			t.Fatal(err)
		}
		want, err := all(t, there, 1, q)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: %d rows that differ from the %d there are: %v", q.Columns, len(got), len(want), err)
		}
		if got, err := all(t, s, 0, q); err != nil || len(got) != 1 {
			t.Errorf("the partition that is here: %d rows, %v", len(got), err)
		}
	}
}

// TestWhatIsAskedFor: columns, conditions and limit arrive as they were.
func TestWhatIsAskedFor(t *testing.T) {
	there := newShelf()
	server := httptest.NewServer(NewServer(there, exec.NewPace(1, nil)))
	defer server.Close()
	s := NewSource(Config{Local: newShelf(), Leaders: fixed{server.URL}, Client: server.Client()})
	q := &table.Scan{Table: there.table, Columns: []int{3, 1}, Limit: 7, Conditions: []table.Condition{
		{Column: 4, Op: table.In, Values: []table.Value{table.Text("a"), table.Text("")}},
		{Column: 6, Op: table.AtLeast, Values: []table.Value{{Type: table.Timestamp, Int: -3}}},
		{Column: 0, Op: table.IsNotNull},
	}}
	if _, err := all(t, s, 2, q); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(there.asked, q) {
		t.Errorf("asked for\n%+v, not\n%+v", there.asked, q)
	}
}

func TestFailures(t *testing.T) {
	there := newShelf()
	server := httptest.NewServer(NewServer(there, exec.NewPace(1, nil)))
	defer server.Close()
	here := newShelf()
	s := NewSource(Config{Local: here, Leaders: fixed{server.URL}, Client: server.Client()})
	here.table.Columns = append(here.table.Columns, table.Column{Name: "new", Type: table.Bool})
	if _, err := all(t, s, 1, everything(here)); err == nil || !strings.Contains(err.Error(), "no column new") {
		t.Errorf("a column that the other node has not: %v", err)
	}
	there.fail = errors.New("it does not lead")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Open(ctx, 1, &table.Scan{Table: here.table}); err == nil {
		t.Error("no error although the query has ended")
	}
}

// TestCutStreams: a stream that is cut anywhere gives an error, never fewer rows.
func TestCutStreams(t *testing.T) {
	s := newShelf()
	s.rows[0] = s.rows[0][:3]
	q := everything(s)
	recorder := httptest.NewRecorder()
	NewServer(s, exec.NewPace(1, nil)).ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/",
		bytes.NewReader(requestOf(0, q).append(nil))))
	whole := recorder.Body.Bytes()
	read := func(b []byte) error {
		r := &reader{stream: &stream{from: bufio.NewReader(bytes.NewReader(b))}}
		batch := table.NewBatch(q)
		for {
			if ok, err := r.Next(batch); err != nil || !ok {
				return err
			}
		}
	}
	if err := read(whole); err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if read(whole[:n]) == nil {
			t.Errorf("%d of %d bytes are taken for the whole", n, len(whole))
		}
		damaged := bytes.Clone(whole)
		damaged[n] ^= 0x40
		if read(damaged) == nil {
			t.Errorf("byte %d of %d is damaged, and that was not seen", n, len(whole))
		}
	}
}

// TestLongFrames: a frame that says it is long makes no more room than what comes of it, and no more than
// is granted.
func TestLongFrames(t *testing.T) {
	long := appendFrame(nil, framePiece, make([]byte, 3<<20))
	taken := int64(0)
	take := func(n int64) { taken += n }
	s := &stream{from: bufio.NewReader(bytes.NewReader(long))}
	if kind, body, err := s.frame(take); err != nil || kind != framePiece || len(body) != 3<<20 {
		t.Fatalf("%d bytes: %v", len(body), err)
	}
	if taken != int64(cap(s.buffer)) {
		t.Errorf("%d bytes were counted, and %d taken", taken, cap(s.buffer))
	}
	binary.LittleEndian.PutUint32(long[1:], maxFrameBytes)
	taken = 0
	s = &stream{from: bufio.NewReader(bytes.NewReader(long))}
	if _, _, err := s.frame(take); err == nil || taken > 8<<20 {
		t.Errorf("%d bytes were taken for a frame that is cut: %v", taken, err)
	}
}

// TestGolden: nodes of different releases understand each other.
func TestGolden(t *testing.T) {
	s := newShelf()
	q := everything(s)
	q.Limit = 9
	q.Conditions = []table.Condition{{Column: 4, Op: table.In, Values: []table.Value{table.Text("x")}}}
	b := table.NewBatch(q)
	s.rows[0] = s.rows[0][:2]
	if ok, err := table.Listed(q, s.rows[0]).Next(b); !ok || err != nil {
		t.Fatal(ok, err)
	}
	got := "request " + hex.EncodeToString(requestOf(3, q).append(nil)) + "\n" +
		"batch " + hex.EncodeToString(appendFrame(nil, frameBatch, appendBatch(nil, b))) + "\n" +
		"end " + hex.EncodeToString(appendFrame(nil, frameEnd, nil)) + "\n" +
		"failed " + hex.EncodeToString(appendFrame(nil, frameFailed, []byte("no"))) + "\n"
	if *rewrite {
		if err := os.WriteFile("testdata/golden.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/golden.txt")
	if err != nil || got != string(want) {
		t.Errorf("the bytes are\n%s, not\n%s: %v", got, want, err)
	}
}

func FuzzDecode(f *testing.F) {
	s := newShelf()
	q := everything(s)
	b := table.NewBatch(q)
	if _, err := table.Listed(q, s.rows[0][:5]).Next(b); err != nil {
		f.Fatal(err)
	}
	f.Add(appendBatch(nil, b))
	f.Add(requestOf(1, q).append(nil))
	f.Add((&workRequest{7, table.Work{Statement: []byte("SELECT 1"), Part: [32]byte{1, 2}}}).append(nil))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if decodeBatch(raw, b) == nil { // what is accepted can be read
			for i := range b.Rows {
				for c := range b.Columns {
					_ = b.Columns[c].Value(i)
				}
			}
		}
		if r, err := decodeWork(raw); err == nil {
			again, err := decodeWork(r.append(nil))
			if err != nil || !reflect.DeepEqual(again, r) {
				t.Errorf("%+v is read back as %+v: %v", r, again, err)
			}
		}
		if r, err := decodeRequest(raw); err == nil {
			again, err := decodeRequest(r.append(nil))
			if err != nil || !reflect.DeepEqual(again, r) {
				t.Errorf("%+v is read back as %+v: %v", r, again, err)
			}
		}
	})
}
