package machine

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/perdure/perdure/partition/store"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// BenchmarkApply applies the commands of a workflow of three durable steps: the call, three records
// with a run and its result each, and one with the output and the end. One operation is one
// command.
func BenchmarkApply(b *testing.B) {
	for _, batch := range []int{1, 16, 256} {
		for _, valueBytes := range []int{16, 1024} {
			b.Run(fmt.Sprintf("batch=%d/value=%dB", batch, valueBytes), func(b *testing.B) {
				benchmarkApply(b, batch, make([]byte, valueBytes))
			})
		}
	}
}

// concurrentWorkflows is how many workflows run at once: their commands are interleaved.
const concurrentWorkflows = 32

func benchmarkApply(b *testing.B, batch int, value []byte) {
	s := newStore(b, store.Config{})
	records := workflowRecords(value)
	h := command.Header{Producer: command.Producer{Kind: command.ProducerLeader}}
	acts := make([]Action, 0, 1024)
	lsn := protocol.LSN(0)
	b.ReportAllocs()
	b.ResetTimer()
	tx := s.Begin()
	for i := range b.N {
		lsn++
		h.Sequence++
		h.Time = protocol.HybridFromMillis(protocol.Millis(1000 + i))
		c := records(i)
		var err error
		if acts, err = Apply(tx, lsn, &h, c, acts); err != nil {
			b.Fatal(err)
		}
		if (i+1)%batch == 0 || i+1 == b.N {
			if err := tx.Commit(); err != nil {
				b.Fatal(err)
			}
			acts = acts[:0]
			tx = s.Begin()
		}
	}
	b.StopTimer()
	if err := tx.Discard(); err != nil {
		b.Fatal(err)
	}
}

// workflowRecords makes command number i of a stream of interleaved workflows.
func workflowRecords(value []byte) func(i int) command.Command {
	const commands = 5
	var templates [commands][]command.Effect
	run := func(index uint32) []command.Effect {
		m := journal.Run{CompletionID: index, Name: "step"}
		return []command.Effect{
			{
				Kind: command.EffectCommand, CommandIndex: index,
				Entry: journal.Entry{Type: m.Type(), Body: protocol.Inline(m.Append(nil))},
			},
			{
				Kind: command.EffectRunCompletion, CompletionID: index,
				Result: protocol.Success(value),
			},
		}
	}
	pin := command.Effect{
		Kind: command.EffectPinDeployment, Deployment: protocol.DeploymentID{1}, ProtocolVersion: 6,
	}
	output := journal.Output{Result: protocol.Success(value)}
	templates[1] = append([]command.Effect{pin}, run(1)...)
	templates[2], templates[3] = run(2), run(3)
	templates[4] = []command.Effect{
		{
			Kind: command.EffectCommand, CommandIndex: 4,
			Entry: journal.Entry{Type: output.Type(), Body: protocol.Inline(output.Append(nil))},
		},
		{Kind: command.EffectEnd},
	}
	return func(i int) command.Command {
		round, slot := i/concurrentWorkflows, i%concurrentWorkflows
		number := uint64(round/commands*concurrentWorkflows + slot)
		id := protocol.InvocationID{Key: protocol.PartitionKey(number * 0x9E3779B97F4A7C15)}
		binary.BigEndian.PutUint64(id.UUID[:], number)
		if round%commands == 0 {
			return &command.Invoke{
				ID: id, Parameter: protocol.Inline(value), JournalRetention: 24 * 3600e9,
				Target: protocol.Target{
					Kind: protocol.KindService, Service: "Workflow", Handler: "run",
				},
				Source: command.Source{Kind: command.SourceIngress}, Request: command.RequestID{1},
			}
		}
		return &command.InvokerEffect{ID: id, Attempt: 1, Effects: templates[round%commands]}
	}
}

// BenchmarkRecover finds the few running invocations among many that have ended.
func BenchmarkRecover(b *testing.B) {
	const workflows = 20_000
	s := newStore(b, store.Config{})
	records := workflowRecords(make([]byte, 16))
	h := command.Header{Producer: command.Producer{Kind: command.ProducerLeader}}
	tx := s.Begin()
	for i := range workflows * 5 {
		h.Sequence++
		if _, err := Apply(tx, protocol.LSN(i+1), &h, records(i), nil); err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
	if err := s.Flush(); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for range b.N {
		if err := Recover(s.Reader(), func(Action) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/workflows, "ns/invocation")
}
