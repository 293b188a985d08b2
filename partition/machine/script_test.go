package machine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// TestScripts runs the stories in testdata: commands in, rows and actions out. Refresh them with
// go test ./partition/machine -rewrite, and review the difference.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := newScript(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			return s.run(t, d)
		})
	})
}

// script is one partition and the names that a story uses.
type script struct {
	store *store.Store
	lsn   protocol.LSN
	now   uint64
	names []string // pairs for a Replacer: printed ID, name
}

func newStore(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	if cfg.FS == nil {
		cfg.FS = vfs.NewMem()
	}
	cfg.Dir, cfg.Keys = "p", protocol.PartitionRange(0, 1)
	s, err := store.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newScript(t *testing.T) *script { return &script{store: newStore(t, store.Config{})} }

// id gives every name its invocation.
func (s *script) id(name string) protocol.InvocationID {
	if id, err := protocol.ParseInvocationID(name); err == nil {
		return id
	}
	id := protocol.InvocationID{Key: protocol.HashKey(name)}
	copy(id.UUID[:], name)
	s.names = append(s.names, id.String(), name)
	return id
}

func (s *script) run(t *testing.T, d *datadriven.TestData) string {
	if d.Cmd == "recover" {
		var out []string
		err := Recover(s.store.Reader(), func(a Action) error {
			out = append(out, describeAction(a))
			return nil
		})
		if err != nil {
			d.Fatalf(t, "recover: %v", err)
		}
		return s.print(out)
	}
	a := args{d}
	h := command.Header{Producer: a.producer(), Sequence: a.number("seq", 0)}
	s.lsn += 10
	s.now++
	s.now = a.number("at", s.now)
	h.Time = protocol.HybridFromMillis(protocol.Millis(s.now))
	c := s.command(t, a)
	tx := s.store.Begin()
	acts, err := Apply(tx, s.lsn, &h, c, nil)
	if err != nil {
		if err := tx.Discard(); err != nil {
			d.Fatalf(t, "discard: %v", err)
		}
		return "error: " + err.Error() + "\n"
	}
	lines, _, err := tx.Describe(0)
	if err != nil {
		d.Fatalf(t, "describe: %v", err)
	}
	if err := tx.Commit(); err != nil {
		d.Fatalf(t, "commit: %v", err)
	}
	for _, act := range acts {
		lines = append(lines, describeAction(act))
	}
	if len(lines) == 0 {
		return "ignored\n"
	}
	return s.print(lines)
}

func (s *script) print(lines []string) string {
	return strings.NewReplacer(s.names...).Replace(strings.Join(lines, "\n") + "\n")
}

func describeAction(a Action) string {
	switch a := a.(type) {
	case LeaderAnnounced:
		return fmt.Sprintf("-> LeaderAnnounced epoch=%d", a.Epoch)
	case StartInvocation:
		return fmt.Sprintf("-> StartInvocation %s attempt=%d", a.ID, a.Attempt)
	case AbortInvocation:
		return fmt.Sprintf("-> AbortInvocation %s", a.ID)
	case RetryInvocation:
		return fmt.Sprintf("-> RetryInvocation %s", a.ID)
	case Notify:
		return fmt.Sprintf("-> Notify %s attempt=%d [%d]", a.ID, a.Attempt, a.Index)
	case AckEntry:
		return fmt.Sprintf("-> AckEntry %s attempt=%d command=%d", a.ID, a.Attempt, a.CommandIndex)
	case RegisterTimer:
		return fmt.Sprintf("-> RegisterTimer at=%d", a.Timer.Due)
	case DeleteTimer:
		return fmt.Sprintf("-> DeleteTimer at=%d", a.Timer.Due)
	case SendMessage:
		return fmt.Sprintf("-> SendMessage %d", a.Message.Sequence)
	case Reply:
		return fmt.Sprintf("-> Reply %s %s", strings.TrimRight(string(a.Request[:]), "\x00"),
			describeReply(a.Reply))
	case Completed:
		return fmt.Sprintf("-> Completed %s %s", a.ID, describeReply(a.Reply))
	}
	return fmt.Sprintf("-> %T", a)
}

func describeReply(r command.Reply) string {
	out := r.Status.String()
	if r.Result != nil {
		out += " " + store.DescribeNotificationResult(journal.OfResult(*r.Result))
	}
	if r.Message != "" {
		out += ": " + r.Message
	}
	return out
}
