package pgwire

import (
	"io"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/perdure/perdure/admin/query"
)

// FuzzSession: whatever a client says, its session ends when it leaves, and nothing else does.
func FuzzSession(f *testing.F) {
	hello := must(new(pgproto3.StartupMessage).Encode, map[string]string{"user": "x"})
	said := func(messages ...pgproto3.FrontendMessage) []byte {
		b := hello
		for _, m := range messages {
			b, _ = m.Encode(b[:len(b):len(b)]) // what cannot be encoded is left out
		}
		return b
	}
	f.Add([]byte("\x00\x00\x00\x08\x04\xd2\x16\x2f"))
	f.Add([]byte("\x00\x00\x00\x10\x04\xd2\x16\x2e\x00\x00\x00\x01abcd"))
	f.Add(said(&pgproto3.Query{String: "SELECT * FROM every; BEGIN; SET a.b = 'c'; SHOW ALL; ROLLBACK"}))
	f.Add(said(&pgproto3.Parse{Name: "s", Query: "SELECT $1::bigint, $2", ParameterOIDs: []uint32{20, 25}},
		&pgproto3.Describe{ObjectType: 'S', Name: "s"},
		&pgproto3.Bind{PreparedStatement: "s", ParameterFormatCodes: []int16{1, 0},
			Parameters: [][]byte{{0, 0, 0, 0, 0, 0, 0, 1}, []byte("x")}, ResultFormatCodes: []int16{1}},
		&pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{MaxRows: 1}, &pgproto3.Execute{}, &pgproto3.Sync{}))
	f.Add(said(&pgproto3.Parse{Query: "SELECT $1", ParameterOIDs: []uint32{1016}},
		&pgproto3.Bind{ParameterFormatCodes: []int16{1}, Parameters: [][]byte{{0, 0, 0, 1, 0, 0, 0, 0}}}, &pgproto3.Sync{}))
	s := New(Config{
		Engine: query.New(query.Config{Tables: &fixture{}, Rows: 10_000, MemoryBytes: 8 << 20}),
		Failed: func(err error) { f.Errorf("the server failed: %v", err) },
	})
	f.Fuzz(func(t *testing.T, said []byte) {
		ours, theirs := net.Pipe()
		s.mu.Lock()
		s.conns[theirs] = true
		s.running.Add(1)
		s.mu.Unlock()
		go s.handle(theirs)
		go func() {
			_, _ = ours.Write(said) // the session may end before it has read all
			_ = ours.Close()
		}()
		_, _ = io.Copy(io.Discard, ours) // until either side closes
		s.running.Wait()
		if n := len(s.sessions); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	})
}
