package pgwire

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/perdure/perdure/admin/query"
	"github.com/perdure/perdure/admin/query/table"
)

// fixture has a table with a column of each type, and one of numbers.
type fixture struct {
	opened chan struct{} // hears of every scan of the endless table, if it is not nil
}

const (
	testTime  = 1_772_366_400_123 // 2026-03-01T12:00:00.123Z
	testCount = 5000
)

var everyType = &table.Table{Name: "every", Columns: []table.Column{
	{Name: "id", Type: table.Int64, NotNull: true}, {Name: "truth", Type: table.Bool},
	{Name: "small", Type: table.Uint32}, {Name: "large", Type: table.Uint64},
	{Name: "real", Type: table.Float64}, {Name: "words", Type: table.String},
	{Name: "bytes", Type: table.Binary}, {Name: "at", Type: table.Timestamp},
	{Name: "took", Type: table.Duration}, {Name: "day", Type: table.Date},
	{Name: "gap", Type: table.Interval}, {Name: "some", Type: table.ListUint32},
	{Name: "names", Type: table.ListString},
}}

func everyRows() [][]table.Value {
	texts := func(list ...string) (v table.Value) {
		v.Type = table.ListString
		for _, s := range list {
			v.List = append(v.List, table.Text(s))
		}
		return v
	}
	small := func(n int64) table.Value { return table.Value{Type: table.Uint32, Int: n} }
	return [][]table.Value{
		{
			table.Integer(1), table.Truth(true), small(7), {Type: table.Uint64, Int: -1}, table.Real(1.5),
			table.Text("häßlich, 'quoted'"), {Type: table.Binary, Str: "\x00\xffab"},
			{Type: table.Timestamp, Int: testTime}, {Type: table.Duration, Int: 90_061_500},
			{Type: table.Date, Int: 20_513}, {Type: table.Interval, Months: 14, Int: 3*dayMillis + 3_600_000},
			{Type: table.ListUint32, List: []table.Value{small(1), small(2)}}, texts(`a"b\`, "", "c,d"),
		},
		{table.Integer(2)}, // the rest is NULL
		{
			table.Integer(-3), table.Truth(false), small(0), {Type: table.Uint64, Int: 10_000_000_000},
			table.Real(-1e300), table.Text(""), {Type: table.Binary}, {Type: table.Timestamp, Int: -86_400_000},
			{Type: table.Duration, Int: -1500}, {Type: table.Date, Int: -1}, {Type: table.Interval, Int: -1},
			{Type: table.ListUint32}, texts(),
		},
	}
}

// Tables implements table.Source.
func (f *fixture) Tables() []*table.Table {
	return []*table.Table{
		everyType,
		{Name: "numbers", Columns: []table.Column{{Name: "n", Type: table.Int64}}, View: true},
		{Name: "endless", Columns: []table.Column{{Name: "n", Type: table.Int64}}, Partitioned: true},
	}
}

// Partitions implements table.Source.
func (f *fixture) Partitions(s *table.Scan) []uint16 {
	if s.Table.Name == "endless" {
		return []uint16{0, 1, 2}
	}
	return []uint16{0}
}

// Open implements table.Source.
func (f *fixture) Open(ctx context.Context, _ uint16, s *table.Scan) (table.Reader, error) {
	switch s.Table.Name {
	case "every":
		return table.Listed(s, everyRows()), nil
	case "endless":
		if f.opened != nil {
			f.opened <- struct{}{}
		}
		return &numbers{ctx: ctx, left: -1}, nil
	}
	return &numbers{ctx: ctx, left: testCount}, nil
}

type numbers struct {
	ctx  context.Context
	next int64
	left int64 // negative: it never ends
}

// Next implements table.Reader.
func (n *numbers) Next(b *table.Batch) (bool, error) {
	b.Reset()
	if n.ctx.Err() != nil {
		return false, context.Cause(n.ctx)
	}
	for ; n.left != 0 && b.Rows < b.Cap(); b.Rows++ {
		if len(b.Columns) > 0 {
			b.Columns[0].AppendInt(n.next)
		}
		n.next++
		n.left--
	}
	return b.Rows > 0, nil
}

// Close implements table.Reader.
func (*numbers) Close() error { return nil }

// start serves the fixture until the test ends, and gives the address.
func start(t testing.TB, f *fixture, cfg Config, engine ...query.Config) (*Server, string) {
	t.Helper()
	of := query.Config{}
	if len(engine) > 0 {
		of = engine[0]
	}
	of.Tables = f
	cfg.Engine = query.New(of)
	cfg.Failed = func(err error) { t.Errorf("the server failed: %v", err) }
	s := New(cfg)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if used := cfg.Engine.MemoryBytes(); used != 0 {
			t.Errorf("%d bytes are still held", used)
		}
	})
	return s, l.Addr().String()
}

// connect connects with pgx; options are of its connection strings.
func connect(t testing.TB, address, options string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), "postgres://perdure@"+address+"/restate?"+options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// certificate makes a key pair for 127.0.0.1, and who trusts it.
func certificate(t testing.TB) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(made)
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12,
	}, pool
}

// column asks for one column of texts.
func column(t testing.TB, c *pgx.Conn, text string, args ...any) []string {
	t.Helper()
	rows, err := c.Query(t.Context(), text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return slices.Clip(list)
}
