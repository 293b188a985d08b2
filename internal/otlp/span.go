package otlp

import (
	"time"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/wire"
)

// Kind is the role of whoever a span is of. The numbers are OpenTelemetry's.
type Kind uint8

const (
	Server Kind = 2
	Client Kind = 3
)

// Span is something that took time on behalf of a trace.
type Span struct {
	// Context names the span, Parent the one it belongs to; a zero span ID: it is the first.
	Context    protocol.TraceContext
	Parent     [8]byte
	Name       string
	Kind       Kind
	Start, End time.Time
	Attributes []protocol.KeyValue
	// Failure says how it failed, if it did.
	Failure string
}

// statusError is the code of a span that failed.
const statusError = 2

// appendRequest appends an ExportTraceServiceRequest.
func appendRequest(dst []byte, resource []protocol.KeyValue, spans []Span) []byte {
	dst, all := wire.Begin(dst, 1, 256*len(spans))
	dst, about := wire.Begin(dst, 1, 0)
	dst = wire.End(appendAttributes(dst, 1, resource), about)
	dst, scoped := wire.Begin(dst, 2, 256*len(spans))
	dst, scope := wire.Begin(dst, 1, 0)
	dst = wire.End(wire.AppendString(dst, 1, "perdure"), scope)
	for i := range spans {
		var span wire.Mark
		dst, span = wire.Begin(dst, 2, 256)
		dst = wire.End(appendSpan(dst, &spans[i]), span)
	}
	return wire.End(wire.End(dst, scoped), all)
}

func appendSpan(dst []byte, s *Span) []byte {
	dst = wire.AppendPresentBytes(dst, 1, s.Context.TraceID[:])
	dst = wire.AppendPresentBytes(dst, 2, s.Context.SpanID[:])
	dst = wire.AppendString(dst, 3, s.Context.State)
	if s.Parent != [8]byte{} {
		dst = wire.AppendPresentBytes(dst, 4, s.Parent[:])
	}
	dst = wire.AppendText(dst, 5, s.Name)
	dst = wire.AppendUvarint(dst, 6, s.Kind)
	dst = wire.AppendFixed64(dst, 7, uint64(s.Start.UnixNano()))
	dst = wire.AppendFixed64(dst, 8, uint64(s.End.UnixNano()))
	dst = appendAttributes(dst, 9, s.Attributes)
	if s.Failure == "" {
		return dst
	}
	dst, status := wire.Begin(dst, 15, 0)
	dst = wire.AppendText(dst, 2, s.Failure)
	return wire.End(wire.AppendUvarint(dst, 3, uint8(statusError)), status)
}

// appendAttributes appends {1 key, 2 {1 text}} for each.
func appendAttributes(dst []byte, num wire.Number, list []protocol.KeyValue) []byte {
	for _, a := range list {
		var one, value wire.Mark
		dst, one = wire.Begin(dst, num, 0)
		dst = wire.AppendText(dst, 1, a.Key)
		dst, value = wire.Begin(dst, 2, 0)
		dst = wire.End(wire.AppendPresentText(dst, 1, a.Value), value)
		dst = wire.End(dst, one)
	}
	return dst
}
