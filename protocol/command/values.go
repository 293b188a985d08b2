package command

import (
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/journal"
	"github.com/perdure/perdure/protocol/wire"
)

// The encodings of the values that commands and stored rows have in common. Each AppendX appends
// the fields of one message to dst, without tag and length, so that it can be a row or, between
// wire.Begin and wire.End, a part of one. Each DecodeX is the inverse; byte slices of what it
// returns alias b. Field numbers are durable.

// AppendTarget appends {1 kind, 2 handler kind, 3 service, 4 key, 5 handler, 6 scope}.
func AppendTarget(dst []byte, t *protocol.Target) []byte {
	dst = wire.AppendUvarint(dst, 1, t.Kind)
	dst = wire.AppendUvarint(dst, 2, t.HandlerKind)
	dst = wire.AppendString(dst, 3, t.Service)
	dst = wire.AppendString(dst, 4, t.Key)
	dst = wire.AppendString(dst, 5, t.Handler)
	return wire.AppendString(dst, 6, t.Scope)
}

// DecodeTarget is the inverse of AppendTarget.
func DecodeTarget(b []byte) (t protocol.Target, err error) {
	err = decodeTarget(&t, b)
	return t, err
}

func decodeTarget(t *protocol.Target, b []byte) error {
	*t = protocol.Target{}
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			t.Kind = protocol.ServiceKind(d.Uint8())
		case 2:
			t.HandlerKind = protocol.HandlerKind(d.Uint8())
		case 3:
			t.Service = d.RawString()
		case 4:
			t.Key = d.RawString()
		case 5:
			t.Handler = d.RawString()
		case 6:
			t.Scope = d.RawString()
		}
	}
	return d.Err()
}

func appendTargetField(dst []byte, num wire.Number, t *protocol.Target) []byte {
	dst, mark := wire.Begin(dst, num, 0)
	return wire.EndOptional(AppendTarget(dst, t), mark)
}

// AppendPayload appends {1 inline bytes} or, for a reference, {2 SHA-256, 3 size in bytes}.
func AppendPayload(dst []byte, p *protocol.Payload) []byte {
	if p.Ref == nil {
		return wire.AppendBytes(dst, 1, p.Inline)
	}
	dst = wire.AppendPresentBytes(dst, 2, p.Ref.SHA256[:])
	return wire.AppendUvarint(dst, 3, p.Ref.SizeBytes)
}

// DecodePayload is the inverse of AppendPayload. Empty inline bytes are nil.
func DecodePayload(b []byte) (p protocol.Payload, err error) {
	err = decodePayload(&p, b)
	return p, err
}

func decodePayload(p *protocol.Payload, b []byte) error {
	*p = protocol.Payload{}
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			*p = protocol.Inline(d.Bytes())
		case 2:
			p.Inline, p.Ref = nil, new(protocol.PayloadRef)
			d.Array(p.Ref.SHA256[:])
		case 3:
			if p.Ref != nil {
				p.Ref.SizeBytes = d.Uint64()
			}
		}
	}
	return d.Err()
}

func appendPayloadField(dst []byte, num wire.Number, p *protocol.Payload) []byte {
	dst, mark := wire.Begin(dst, num, payloadHint(p))
	return wire.EndOptional(AppendPayload(dst, p), mark)
}

// payloadHint is about the encoded size of p.
func payloadHint(p *protocol.Payload) int { return len(p.Inline) + 4 }

// AppendFailure appends {1 code, 2 message, 3 metadata {1 key, 2 value}}.
func AppendFailure(dst []byte, f *protocol.Failure) []byte { return journal.AppendFailure(dst, f) }

// DecodeFailure is the inverse of AppendFailure.
func DecodeFailure(b []byte) (protocol.Failure, error) { return journal.DecodeFailure(b) }

// AppendResult appends {1 payload} or {2 failure}.
func AppendResult(dst []byte, r *protocol.Result) []byte {
	if r.Failure == nil {
		return appendPayloadField(dst, 1, &r.Value)
	}
	dst, mark := wire.Begin(dst, 2, 0)
	return wire.End(AppendFailure(dst, r.Failure), mark)
}

// DecodeResult is the inverse of AppendResult; nothing at all is an empty value.
func DecodeResult(b []byte) (r protocol.Result, err error) {
	err = decodeResult(&r, b)
	return r, err
}

func decodeResult(r *protocol.Result, b []byte) error {
	*r = protocol.Result{}
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			r.Failure = nil
			d.Fail(decodePayload(&r.Value, d.Bytes()))
		case 2:
			f, err := DecodeFailure(d.Bytes())
			*r = protocol.Result{Failure: &f}
			d.Fail(err)
		}
	}
	return d.Err()
}

// AppendTraceContext appends {1 trace ID, 2 span ID, 3 flags, 4 state}.
func AppendTraceContext(dst []byte, t *protocol.TraceContext) []byte {
	if t.TraceID != [16]byte{} {
		dst = wire.AppendPresentBytes(dst, 1, t.TraceID[:])
	}
	if t.SpanID != [8]byte{} {
		dst = wire.AppendPresentBytes(dst, 2, t.SpanID[:])
	}
	dst = wire.AppendUvarint(dst, 3, t.Flags)
	return wire.AppendString(dst, 4, t.State)
}

// DecodeTraceContext is the inverse of AppendTraceContext.
func DecodeTraceContext(b []byte) (t protocol.TraceContext, err error) {
	err = decodeTrace(&t, b)
	return t, err
}

func decodeTrace(t *protocol.TraceContext, b []byte) error {
	*t = protocol.TraceContext{}
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			d.Array(t.TraceID[:])
		case 2:
			d.Array(t.SpanID[:])
		case 3:
			t.Flags = d.Uint8()
		case 4:
			t.State = d.RawString()
		}
	}
	return d.Err()
}

func appendTraceField(dst []byte, num wire.Number, t *protocol.TraceContext) []byte {
	dst, mark := wire.Begin(dst, num, 0)
	return wire.EndOptional(AppendTraceContext(dst, t), mark)
}

// AppendWaiter appends {1 invocation, 2 completion ID, 3 notification type, 4 life}.
func AppendWaiter(dst []byte, w *Waiter) []byte {
	dst = appendID(dst, 1, w.Invocation)
	dst = wire.AppendUvarint(dst, 2, w.CompletionID)
	dst = wire.AppendUvarint(dst, 3, w.Type)
	return wire.AppendUvarint(dst, 4, w.Life)
}

// DecodeWaiter is the inverse of AppendWaiter.
func DecodeWaiter(b []byte) (w Waiter, err error) {
	err = decodeWaiter(&w, b)
	return w, err
}

func decodeWaiter(w *Waiter, b []byte) error {
	*w = Waiter{}
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			w.Invocation = decodeID(&d)
		case 2:
			w.CompletionID = d.Uint32()
		case 3:
			w.Type = journal.Type(d.Uint16())
		case 4:
			w.Life = d.Uint64()
		}
	}
	return d.Err()
}

// AppendSource appends {1 kind, 2 invocation, 3 target, 4 subscription}.
func AppendSource(dst []byte, s *Source) []byte {
	dst = wire.AppendUvarint(dst, 1, s.Kind)
	dst = appendID(dst, 2, s.Invocation)
	dst = appendTargetField(dst, 3, &s.Target)
	return wire.AppendString(dst, 4, s.Subscription)
}

// DecodeSource is the inverse of AppendSource.
func DecodeSource(b []byte) (s Source, err error) {
	err = decodeSource(&s, b)
	return s, err
}

func decodeSource(s *Source, b []byte) error {
	*s = Source{}
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			s.Kind = SourceKind(d.Uint8())
		case 2:
			s.Invocation = decodeID(&d)
		case 3:
			d.Fail(decodeTarget(&s.Target, d.Bytes()))
		case 4:
			s.Subscription = d.RawString()
		}
	}
	return d.Err()
}

// AppendTimer appends {1 due, 2 kind, 3 invocation, 4 completion ID}.
func AppendTimer(dst []byte, t *Timer) []byte {
	dst = wire.AppendUvarint(dst, 1, t.Due)
	dst = wire.AppendUvarint(dst, 2, t.Kind)
	dst = appendID(dst, 3, t.Invocation)
	return wire.AppendUvarint(dst, 4, t.CompletionID)
}

// DecodeTimer is the inverse of AppendTimer.
func DecodeTimer(b []byte) (t Timer, err error) {
	err = decodeTimer(&t, b)
	return t, err
}

func decodeTimer(t *Timer, b []byte) error {
	*t = Timer{}
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			t.Due = protocol.Millis(d.Uint64())
		case 2:
			t.Kind = TimerKind(d.Uint8())
		case 3:
			t.Invocation = decodeID(&d)
		case 4:
			t.CompletionID = d.Uint32()
		}
	}
	return d.Err()
}

// AppendStateEntry appends {1 key, 2 payload}.
func AppendStateEntry(dst []byte, e *StateEntry) []byte {
	dst = wire.AppendBytes(dst, 1, e.Key)
	return appendPayloadField(dst, 2, &e.Value)
}

// DecodeStateEntry is the inverse of AppendStateEntry.
func DecodeStateEntry(b []byte) (e StateEntry, err error) {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			e.Key = d.Bytes()
		case 2:
			d.Fail(decodePayload(&e.Value, d.Bytes()))
		}
	}
	return e, d.Err()
}

// AppendEntry appends {1 type, 2 body, 3 time, 4 callee}.
func AppendEntry(dst []byte, e *journal.Entry) []byte {
	dst = wire.AppendUvarint(dst, 1, e.Type)
	dst = appendPayloadField(dst, 2, &e.Body)
	dst = wire.AppendUvarint(dst, 3, e.Time)
	return appendID(dst, 4, e.Callee)
}

// DecodeEntry is the inverse of AppendEntry.
func DecodeEntry(b []byte) (e journal.Entry, err error) {
	err = decodeEntry(&e, b)
	return e, err
}

func decodeEntry(e *journal.Entry, b []byte) error {
	*e = journal.Entry{}
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			e.Type = journal.Type(d.Uint16())
		case 2:
			d.Fail(decodePayload(&e.Body, d.Bytes()))
		case 3:
			e.Time = protocol.Millis(d.Uint64())
		case 4:
			e.Callee = decodeID(&d)
		}
	}
	return d.Err()
}

// AppendCallee appends {1 ID, 2 target, 3 completion retention, 4 journal retention,
// 5 random seed}.
func AppendCallee(dst []byte, c *Callee) []byte {
	dst = appendID(dst, 1, c.ID)
	dst = appendTargetField(dst, 2, &c.Target)
	dst = appendDuration(dst, 3, c.CompletionRetention)
	dst = appendDuration(dst, 4, c.JournalRetention)
	return wire.AppendFixed64(dst, 5, c.RandomSeed)
}

// DecodeCallee is the inverse of AppendCallee.
func DecodeCallee(b []byte) (c Callee, err error) {
	err = decodeCallee(&c, b)
	return c, err
}

func decodeCallee(c *Callee, b []byte) error {
	*c = Callee{}
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			c.ID = decodeID(&d)
		case 2:
			d.Fail(decodeTarget(&c.Target, d.Bytes()))
		case 3:
			c.CompletionRetention = decodeDuration(&d)
		case 4:
			c.JournalRetention = decodeDuration(&d)
		case 5:
			c.RandomSeed = d.Fixed64()
		}
	}
	return d.Err()
}

// AppendAttemptError appends {1 failure, 2 stacktrace, 3 documentation code, 4 related command
// {1 index, 2 name, 3 type}, 5 retry count, 6 next retry}.
func AppendAttemptError(dst []byte, e *AttemptError) []byte {
	dst, mark := wire.Begin(dst, 1, len(e.Failure.Message))
	dst = wire.EndOptional(AppendFailure(dst, &e.Failure), mark)
	dst = wire.AppendString(dst, 2, e.Stacktrace)
	dst = wire.AppendString(dst, 3, e.DocCode)
	if r := e.RelatedCommand; r != nil {
		dst, mark = wire.Begin(dst, 4, 0)
		dst = wire.AppendUvarint(dst, 1, r.Index)
		dst = wire.AppendString(dst, 2, r.Name)
		dst = wire.AppendUvarint(dst, 3, r.Type)
		dst = wire.End(dst, mark)
	}
	dst = wire.AppendUvarint(dst, 5, e.RetryCount)
	return wire.AppendUvarint(dst, 6, e.NextRetry)
}

// DecodeAttemptError is the inverse of AppendAttemptError.
func DecodeAttemptError(b []byte) (e AttemptError, err error) {
	err = decodeAttemptError(&e, b)
	return e, err
}

func decodeAttemptError(e *AttemptError, b []byte) error {
	*e = AttemptError{}
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			failure, err := DecodeFailure(d.Bytes())
			e.Failure = failure
			d.Fail(err)
		case 2:
			e.Stacktrace = d.RawString()
		case 3:
			e.DocCode = d.RawString()
		case 4:
			e.RelatedCommand = new(RelatedCommand)
			d.Fail(e.RelatedCommand.decode(d.Bytes()))
		case 5:
			e.RetryCount = d.Uint32()
		case 6:
			e.NextRetry = protocol.Millis(d.Uint64())
		}
	}
	return d.Err()
}

func (r *RelatedCommand) decode(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			r.Index = d.Uint32()
		case 2:
			r.Name = d.RawString()
		case 3:
			r.Type = journal.Type(d.Uint16())
		}
	}
	return d.Err()
}

// AppendReply appends {1 status, 2 execution time, 3 result, 4 completed at, 5 retention,
// 6 message, 7 target}.
func AppendReply(dst []byte, r *Reply) []byte {
	dst = wire.AppendUvarint(dst, 1, r.Status)
	dst = wire.AppendUvarint(dst, 2, r.ExecutionTime)
	if r.Result != nil {
		var mark wire.Mark
		dst, mark = wire.Begin(dst, 3, payloadHint(&r.Result.Value)+4)
		dst = wire.End(AppendResult(dst, r.Result), mark)
	}
	dst = wire.AppendUvarint(dst, 4, r.CompletedAt)
	dst = appendDuration(dst, 5, r.Retention)
	dst = wire.AppendString(dst, 6, r.Message)
	dst = appendTargetField(dst, 7, &r.Target)
	return wire.AppendBool(dst, 8, r.Own)
}

// DecodeReply is the inverse of AppendReply.
func DecodeReply(b []byte) (r Reply, err error) {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			r.Status = ReplyStatus(d.Uint8())
		case 2:
			r.ExecutionTime = protocol.Millis(d.Uint64())
		case 3:
			r.Result = new(protocol.Result)
			d.Fail(decodeResult(r.Result, d.Bytes()))
		case 4:
			r.CompletedAt = protocol.Millis(d.Uint64())
		case 5:
			r.Retention = decodeDuration(&d)
		case 6:
			r.Message = d.RawString()
		case 7:
			d.Fail(decodeTarget(&r.Target, d.Bytes()))
		case 8:
			r.Own = d.Bool()
		}
	}
	return r, d.Err()
}

// appendStateEntries appends a repeated field.
func appendStateEntries(dst []byte, num wire.Number, list []StateEntry) []byte {
	for i := range list {
		var mark wire.Mark
		dst, mark = wire.Begin(dst, num, len(list[i].Key)+payloadHint(&list[i].Value)+4)
		dst = wire.End(AppendStateEntry(dst, &list[i]), mark)
	}
	return dst
}

// decodeHeaders adds the current field, one {1 key, 2 value}, to list.
func decodeHeaders(d *wire.Decoder, list []journal.Header) []journal.Header {
	if list == nil {
		list = make([]journal.Header, 0, 1+d.Count(d.Field()))
	}
	var pair journal.Header
	inner := wire.NewDecoder(d.Bytes())
	for inner.Next() {
		switch inner.Field() {
		case 1:
			pair.Key = inner.RawString()
		case 2:
			pair.Value = inner.RawString()
		}
	}
	d.Fail(inner.Err())
	return append(list, pair)
}

func appendHeaders(dst []byte, num wire.Number, list []journal.Header) []byte {
	for i := range list {
		var mark wire.Mark
		dst, mark = wire.Begin(dst, num, len(list[i].Key)+len(list[i].Value)+4)
		dst = wire.AppendString(dst, 1, list[i].Key)
		dst = wire.AppendString(dst, 2, list[i].Value)
		dst = wire.End(dst, mark)
	}
	return dst
}

// baseHint is about the encoded size of a command without what its users put into it.
const baseHint = 64

func decodeStateEntries(d *wire.Decoder, list []StateEntry) []StateEntry {
	if list == nil {
		list = make([]StateEntry, 0, 1+d.Count(d.Field()))
	}
	e, err := DecodeStateEntry(d.Bytes())
	d.Fail(err)
	return append(list, e)
}
