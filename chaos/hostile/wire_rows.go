package main

import (
	"bytes"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Sizes around the limit of a message.
const (
	messageLimit = 32 << 20
	manyFrames   = 100_000
)

// frameRows break the framing.
func frameRows() []wireRow {
	good := encode(finish()...)
	rows := []wireRow{
		{name: "no frame at all", play: sending()},
		{name: "a frame type that does not exist", play: sending(frame{kind: 0x0315})},
		{name: "a command type that does not exist", play: sending(frame{kind: 0x0499})},
		{name: "the unused command type", play: sending(frame{kind: 0x040F})},
		{name: "a custom command", play: sending(frame{kind: 0xFC01, payload: []byte("x")})},
		{name: "a frame of four gigabytes is announced", play: rawly(4, 1, 0, 0, 255, 255, 255,
			255, 1)},
		{name: "text instead of frames", play: rawly([]byte("HTTP/1.1 200 OK\r\n\r\n")...)},
		{name: "zero bytes, which are a Start", play: rawly(make([]byte, 64)...)},
		{name: "a megabyte of 0xff", play: rawly(bytes.Repeat([]byte{0xff}, 1<<20)...)},
		{name: "a message one byte over the limit", play: sending(frame{kind: msgOutput,
			payload: message{}.bytes(14, message{}.bytes(1, make([]byte, messageLimit)))})},
		{name: "unknown flags", want: completed, play: sending(
			frame{kind: msgOutput, flags: 0x7fff, payload: outputFrame(`1`).payload},
			frame{kind: msgEnd})},
		{name: "an acknowledgement of End is asked for", want: completed, play: sending(
			outputFrame(`1`), frame{kind: msgEnd, flags: flagAck})},
		{name: "byte by byte", want: completed, play: func(a *attempt) {
			a.accept()
			for _, b := range good {
				a.raw([]byte{b})
			}
		}},
		{name: "a hundred thousand tiny commands", want: completed, play: once(func(a *attempt) {
			a.accept()
			one := encode(frame{kind: msgClearAllState})
			a.raw(bytes.Repeat(one, manyFrames))
			a.send(finish()...)
		})},
		{name: "a hundred thousand zero-length frames of an unknown type",
			play: rawly(bytes.Repeat([]byte{3, 0, 0, 0, 0, 0, 0, 0}, manyFrames)...)},
		{name: "a hundred thousand hints", want: completed, play: once(func(a *attempt) {
			a.accept()
			hint := encode(frame{kind: msgAwaitingOn,
				payload: message{}.bytes(1, message{}.varint(1, 7))})
			a.raw(bytes.Repeat(hint, manyFrames))
			a.send(finish()...)
		})},
	}
	// A stream that ends anywhere before the last byte has not ended the invocation.
	for _, cut := range []int{1, 4, 7, 8, 9, len(good) - 9, len(good) - 8, len(good) - 1} {
		rows = append(rows, wireRow{name: "cut after byte " + itoa(cut),
			play: rawly(good[:cut]...)})
	}
	return rows
}

// phaseRows send good messages at the wrong time.
func phaseRows() []wireRow {
	run := frame{kind: msgRun, payload: message{}.varint(11, 1).text(12, "step")}
	propose := func(id uint64) frame {
		return frame{kind: msgProposeRun, payload: message{}.varint(1, id).text(14, "r")}
	}
	suspend := frame{kind: msgSuspension,
		payload: message{}.bytes(4, message{}.varint(1, 1))}
	end := frame{kind: msgEnd}
	sleep := frame{kind: msgSleep,
		payload: message{}.varint(1, uint64(time.Now().Add(time.Hour).UnixMilli())).varint(11, 1)}
	set := frame{kind: msgSetState, payload: message{}.text(1, "k").bytes(3, wrapped("1"))}
	input := frame{kind: msgInput, payload: message{}.bytes(14, wrapped("1"))}
	rows := []wireRow{
		{name: "End without Output", play: sending(end)},
		{name: "End without Output, twice", play: sending(end, end)},
		{name: "End after another command than Output", play: sending(set, end)},
		{name: "Output without End", play: sending(outputFrame(`1`))},
		{name: "Output twice without End", play: sending(outputFrame(`1`), outputFrame(`2`))},
		{name: "Output twice, then End", want: completed,
			play: sending(outputFrame(`1`), outputFrame(`2`), end)},
		{name: "two Ends", want: completed, play: sending(outputFrame(`1`), end, end)},
		{name: "commands after End", want: completed,
			play: sending(outputFrame(`1`), end, set, outputFrame(`2`), end)},
		{name: "garbage after End", want: completed,
			play: rawly(append(encode(finish()...), bytes.Repeat([]byte{0xde}, 100_000)...)...)},
		{name: "a command between Output and End", want: completed,
			play: sending(outputFrame(`1`), set, end)},
		{name: "Suspension, then Output and End", want: waiting,
			play: sending(append([]frame{sleep, suspend}, finish()...)...)},
		{name: "Error, then Output and End", play: sending(append([]frame{
			{kind: msgError, payload: failure(500, "on purpose")}}, finish()...)...)},
		{name: "Error after Output", play: sending(outputFrame(`1`),
			frame{kind: msgError, payload: failure(500, "on purpose")})},
		{name: "Input again", play: finishing(input)},
		{name: "Start from the deployment", play: finishing(frame{kind: msgStart})},
		{name: "CommandAck from the deployment",
			play: finishing(frame{kind: msgCommandAck, payload: message{}.varint(1, 0)})},
		{name: "ProposeRunCompletionAck from the deployment",
			play: finishing(frame{kind: msgProposeRunAck, payload: message{}.varint(1, 1)})},
		{name: "a notification from the deployment", play: finishing(
			frame{kind: msgSleepDone, payload: message{}.varint(1, 1).bytes(4, nil)})},
		{name: "a signal from the deployment", play: finishing(
			frame{kind: msgSignal, payload: message{}.varint(2, 17).bytes(4, nil)})},
		{name: "a proposal for an unknown id", want: completed, play: finishing(propose(77))},
		{name: "a proposal before its Run", want: completed, play: finishing(propose(1), run)},
		{name: "two proposals for one Run", want: completed,
			play: finishing(run, propose(1), propose(1))},
		{name: "a proposal for the id of a Sleep", want: completed, play: finishing(sleep,
			propose(1))},
		{name: "a completion id used twice", want: completed, play: finishing(sleep, sleep, run,
			run)},
		{name: "one id for both notifications of a Call", want: completed, play: finishing(
			call(canaryService, "h").with(10, 1).with(11, 1))},
		{name: "Suspension on an id that never existed", want: waiting, play: sending(
			frame{kind: msgSuspension, payload: message{}.bytes(4, message{}.varint(1, 999))})},
		{name: "Suspension on nothing", play: sending(frame{kind: msgSuspension})},
		{name: "Suspension of version 6 in version 7", play: sending(
			frame{kind: msgSuspension, payload: message{}.bytes(1, []byte{1})})},
		{name: "Suspension of version 7 in version 6", service: six, play: sending(suspend)},
		{name: "AwaitingOn in version 6", service: six, play: finishing(
			frame{kind: msgAwaitingOn, payload: message{}.bytes(1, message{}.varint(1, 1))})},
		{name: "a proposal with an acknowledgement in version 6", service: six, want: completed,
			play: finishing(run, frame{kind: msgProposeRun, flags: flagAck,
				payload: propose(1).payload})},
		{name: "early failure while the journal is sent", play: sending(
			frame{kind: msgError, payload: failure(570, "journal mismatch")})},
		{name: "answer before the journal is read, in request and response", service: polite,
			want: completed, play: finishing()},
	}
	return append(rows, permissionRows(set)...)
}

// permissionRows do what their kind of handler may not do.
func permissionRows(set frame) []wireRow {
	promise := frame{kind: msgGetPromise, payload: message{}.text(1, "p").varint(11, 1)}
	get := frame{kind: msgGetLazyState, payload: message{}.text(1, "k").varint(11, 1)}
	return []wireRow{
		{name: "state set by a service", service: plain, play: finishing(set)},
		{name: "state read by a service", service: plain, play: finishing(get)},
		{name: "state cleared by a service", service: plain,
			play: finishing(frame{kind: msgClearAllState})},
		{name: "promise of an object", play: finishing(promise)},
		{name: "promise of a service", service: plain, play: finishing(promise)},
		{name: "promise of a workflow", service: flow, want: completed, play: finishing(promise)},
	}
}

// with adds a varint to a frame.
func (f frame) with(field protowire.Number, v uint64) frame {
	f.payload = message(slices.Clone(f.payload)).varint(field, v)
	return f
}

// call is a call without ids.
func call(service, handler string) frame {
	return frame{kind: msgCall, payload: message{}.text(1, service).text(2, handler).text(5, "k")}
}

// valueRows send values that are hard to bear.
func valueRows() []wireRow {
	huge := strings.Repeat("x", 8<<20)
	sleep := func(at uint64) frame {
		return frame{kind: msgSleep, payload: message{}.varint(1, at).varint(11, 1)}
	}
	suspend := frame{kind: msgSuspension, payload: message{}.bytes(4, message{}.varint(1, 1))}
	const year300000 = 9_404_650_000_000_000 // ms
	later := func(at uint64) frame {
		return frame{kind: msgOneWayCall, payload: message{}.text(1, canaryService).text(2, "h").
			text(6, "k").varint(4, at).varint(10, 1)}
	}
	errorWith := func(m message) func(*attempt) { return sending(frame{kind: msgError, payload: m}) }
	return []wireRow{
		{name: "Sleep until the year 300000", want: waiting, play: sending(sleep(year300000),
			suspend)},
		{name: "Sleep until the end of time", want: waiting,
			play: sending(sleep(math.MaxUint64), suspend)},
		{name: "Sleep until the end of signed time", want: waiting,
			play: sending(sleep(math.MaxInt64), suspend)},
		{name: "Sleep until 1970", want: completed, play: once(sending(sleep(0), suspend))},
		{name: "delayed send to the year 300000", want: completed,
			play: finishing(later(year300000))},
		{name: "delayed send to the end of time", want: completed,
			play: finishing(later(math.MaxUint64))},
		{name: "Call of no service", play: finishing(call("", "h").with(10, 1).with(11, 2))},
		{name: "Call of no handler", play: finishing(call(canaryService, "").with(10, 1).with(11,
			2))},
		{name: "Call of nobody", play: finishing(call("Nobody", "h").with(10, 1).with(11, 2))},
		{name: "Call with a huge name", play: finishing(call(huge, "h").with(10, 1).with(11, 2))},
		{name: "Call with a huge key", want: completed, play: finishing(frame{kind: msgCall,
			payload: message{}.text(1, canaryService).text(2, "h").text(5, huge[:1<<20]).
				varint(10, 1).varint(11, 2)})},
		{name: "Call with zero bytes in its key", want: completed,
			play: finishing(frame{kind: msgCall,
				payload: message{}.text(1, canaryService).text(2, "h").text(5,
					"\x00\xf4\x8f\xbf\xbf\x00").
					varint(10, 1).varint(11, 2)})},
		{name: "Call with a limit key and no scope", play: finishing(frame{kind: msgCall,
			payload: call(canaryService, "h").with(10, 1).with(11, 2).payload}.with(11, 2).
			texted(8, "limit"))},
		{name: "state with an empty key", want: completed, play: finishing(frame{kind: msgSetState,
			payload: message{}.bytes(3, wrapped("1"))})},
		{name: "state with a huge key", want: completed, play: finishing(frame{kind: msgSetState,
			payload: message{}.text(1, huge[:1<<20]).bytes(3, wrapped("1"))})},
		{name: "state with a key of zeros and 0xff", want: completed, play: finishing(
			frame{kind: msgSetState, payload: message{}.text(1, "\x00\x00\xff\xff").
				bytes(3, wrapped("1"))})},
		{name: "a value of 8 MiB", want: completed, play: finishing(frame{kind: msgSetState,
			payload: message{}.text(1, "k").bytes(3, wrapped(huge))})},
		{name: "a failure with a huge message", want: teapot,
			play: sending(failureFrame(418, huge), frame{kind: msgEnd})},
		{name: "a failure with code 0", want: odd,
			play: sending(failureFrame(0, "zero"), frame{kind: msgEnd})},
		{name: "a failure with code 2^32-1", want: odd,
			play: sending(failureFrame(math.MaxUint32, "max"), frame{kind: msgEnd})},
		{name: "a failure with code 200", want: completed,
			play: sending(failureFrame(200, "fine"), frame{kind: msgEnd})},
		{name: "a failure with code 100", want: odd,
			play: sending(failureFrame(100, "continue"), frame{kind: msgEnd})},
		{name: "a failure with code 101", want: odd,
			play: sending(failureFrame(101, "switch"), frame{kind: msgEnd})},
		{name: "a failure with ten thousand metadata", want: teapot, play: sending(
			frame{kind: msgOutput, payload: message{}.bytes(15, append(failure(418, "t"),
				bytes.Repeat(message{}.bytes(3, message{}.text(1, "k").text(2, "v")), 10_000)...))},
			frame{kind: msgEnd})},
		{name: "Error with a huge message", play: errorWith(failure(500, huge))},
		{name: "Error with a huge stacktrace",
			play: errorWith(failure(500, "x").text(3, huge))},
		{name: "Error with code 0", play: errorWith(failure(0, ""))},
		{name: "Error about a command that never was", play: errorWith(failure(500, "x").
			varint(4, math.MaxUint32).text(5, "nothing").varint(6, math.MaxUint32))},
		{name: "Error with the longest delay", want: waiting,
			play: errorWith(failure(500, "x").varint(8, math.MaxUint64))},
		{name: "Error with an unknown behaviour", play: errorWith(failure(500, "x").varint(9, 77))},
		{name: "Error that pauses", want: paused, play: errorWith(failure(500, "x").varint(9, 1))},
		{name: "Error that fails", want: teapot, play: errorWith(failure(418, "x").varint(9, 2))},
		{name: "a signal to nobody", play: finishing(frame{kind: msgSendSignal,
			payload: message{}.text(1, "inv_nobody").varint(2, 17).bytes(4, nil)})},
		{name: "a signal with a reserved index", want: completed,
			play: finishing(signalTo(unknownID, 0))},
		{name: "a signal with the last index", want: completed,
			play: finishing(signalTo(unknownID, math.MaxUint32))},
		{name: "a signal with a huge name", want: completed,
			play: finishing(frame{kind: msgSendSignal,
				payload: message{}.text(1, unknownID).text(3, huge[:1<<20]).bytes(4, nil)})},
		{name: "a signal to oneself", want: completed, play: func(a *attempt) {
			finishing(signalTo(a.id, 17))(a)
		}},
		{name: "cancels itself", want: completed, play: func(a *attempt) {
			finishing(signalTo(a.id, 1))(a)
		}},
		{name: "attaches to itself", want: completed, play: func(a *attempt) {
			finishing(frame{kind: msgAttach, payload: message{}.text(1, a.id).varint(11, 1)})(a)
		}},
		{name: "attaches to itself and waits", want: waiting, play: func(a *attempt) {
			sending(frame{kind: msgAttach, payload: message{}.text(1, a.id).varint(11, 1)},
				suspend)(a)
		}},
		{name: "completes an awakeable that is none",
			play: finishing(frame{kind: msgCompleteAwakeable,
				payload: message{}.text(1, "sign_1nonsense").bytes(2, wrapped("1"))})},
		{name: "a run result of 8 MiB", want: completed, play: finishing(
			frame{kind: msgRun, payload: message{}.varint(11, 1)},
			frame{kind: msgProposeRun, payload: message{}.varint(1, 1).text(14, huge)})},
		{name: "completion id 2^32-1", want: completed, play: finishing(
			frame{kind: msgRun, payload: message{}.varint(11, math.MaxUint32)})},
		{name: "completion id over 32 bits", play: finishing(
			frame{kind: msgRun, payload: message{}.varint(11, math.MaxUint32+1)})},
		{name: "a million elements", play: finishing(frame{kind: msgGetEagerStateKeys,
			payload: message{}.bytes(14, bytes.Repeat([]byte{10, 0}, 1<<20+1))})},
	}
}

// unknownID is an invocation that does not exist.
const unknownID = "inv_151ekK9xzEcb6ZLmGwxcyOyuD4coBjF0e0"

func signalTo(id string, index uint64) frame {
	return frame{kind: msgSendSignal, payload: message{}.text(1, id).varint(2, index).bytes(4, nil)}
}

func (f frame) texted(field protowire.Number, v string) frame {
	f.payload = message(slices.Clone(f.payload)).text(field, v)
	return f
}

// nested is a future of so many levels.
func nested(levels int) message {
	f := message{}.varint(1, 999)
	for range levels - 1 {
		f = message{}.bytes(4, f).varint(5, 2)
	}
	return f
}

// futureRows wait for strange things.
func futureRows() []wireRow {
	suspend := func(future message) func(*attempt) {
		return sending(frame{kind: msgSuspension, payload: message{}.bytes(4, future)})
	}
	return []wireRow{
		{name: "a future of 1000 levels", want: waiting, play: suspend(nested(1000))},
		{name: "a future of 1001 levels", want: paused, play: suspend(nested(1001))},
		{name: "a future of 10000 levels", want: paused, play: suspend(nested(10_000))},
		{name: "a hint of 1001 levels", want: paused, play: sending(
			frame{kind: msgAwaitingOn, payload: message{}.bytes(1, nested(1001))})},
		{name: "a future with an unknown combinator", want: waiting,
			play: suspend(message{}.varint(1, 999).varint(5, 99))},
		{name: "a future of empty futures", play: suspend(message{}.bytes(4, nil).bytes(4, nil))},
		{name: "a future of a million ids", want: waiting,
			play: suspend(bytes.Repeat(message{}.varint(1, 999), 1<<20-1))},
		{name: "a future of too many ids",
			play: suspend(bytes.Repeat(message{}.varint(1, 999), 4<<20))},
		{name: "a future with an invalid name", play: suspend(message{}.text(3, "\xff"))},
		{name: "a future with a huge name", want: waiting,
			play: suspend(message{}.text(3, strings.Repeat("n", 4<<20)))},
		{name: "a hint on nothing", play: finishing(frame{kind: msgAwaitingOn})},
	}
}

// httpRows misbehave in HTTP.
func httpRows() []wireRow {
	status := func(code int) func(*attempt) {
		return func(a *attempt) { a.w.WriteHeader(code) }
	}
	rows := []wireRow{
		{name: "headers, then nothing, until the timeouts", service: hasty, play: func(a *attempt) {
			a.accept()
			<-a.r.Context().Done()
		}},
		{name: "not even headers, until the timeouts", service: hasty, play: func(a *attempt) {
			<-a.r.Context().Done()
		}},
		{name: "half a frame, until the timeouts", service: hasty, play: func(a *attempt) {
			rawly(4, 1, 0, 0, 0)(a)
			<-a.r.Context().Done()
		}},
		{name: "the stream is reset", play: func(a *attempt) {
			a.accept()
			panic(http.ErrAbortHandler)
		}},
		{name: "the stream is reset after a command", play: func(a *attempt) {
			sending(frame{kind: msgClearAllState})(a)
			panic(http.ErrAbortHandler)
		}},
		{name: "the stream is reset after End", want: completed, play: func(a *attempt) {
			sending(finish()...)(a)
			<-a.r.Context().Done() // the server has read it
			panic(http.ErrAbortHandler)
		}},
		{name: "trailers", want: completed, play: func(a *attempt) {
			a.w.Header().Set("trailer", "x-trailer")
			behave(a)
			a.w.Header().Set("x-trailer", "late")
		}},
		{name: "thousands of headers", play: func(a *attempt) {
			for i := range 5000 {
				a.w.Header().Set("x-header-"+itoa(i), strings.Repeat("v", 100))
			}
			a.w.WriteHeader(http.StatusTeapot)
		}},
		{name: "a huge error page", play: func(a *attempt) {
			a.w.WriteHeader(http.StatusInternalServerError)
			_, _ = a.w.Write(bytes.Repeat([]byte("\xff<b>"), 4<<20))
		}},
		{name: "an error page without end", play: func(a *attempt) {
			a.w.WriteHeader(http.StatusInternalServerError)
			for a.r.Context().Err() == nil {
				a.raw([]byte("more "))
			}
		}},
		{name: "content type with a parameter", play: func(a *attempt) {
			a.w.Header().Set("content-type", a.r.Header.Get("content-type")+"; charset=utf-8")
			a.send(finish()...)
		}},
		{name: "content type of another version", play: func(a *attempt) {
			a.w.Header().Set("content-type", "application/vnd.restate.invocation.v5")
			a.send(finish()...)
		}},
		{name: "no content type", play: func(a *attempt) {
			a.w.Header()["Content-Type"] = nil
			a.send(finish()...)
		}},
		{name: "a content encoding nobody asked for", want: completed, play: func(a *attempt) {
			a.w.Header().Set("content-encoding", "gzip")
			behave(a)
		}},
		{name: "Retry-After in the far future", want: waiting, play: func(a *attempt) {
			a.w.Header().Set("retry-after", "2147483647")
			a.w.WriteHeader(http.StatusTooManyRequests)
		}},
		{name: "Retry-After that overflows", play: func(a *attempt) {
			a.w.Header().Set("retry-after", "99999999999999999999999")
			a.w.WriteHeader(http.StatusTooManyRequests)
		}},
		{name: "Retry-After in the past", play: func(a *attempt) {
			a.w.Header().Set("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT")
			a.w.WriteHeader(http.StatusServiceUnavailable)
		}},
	}
	for _, code := range []int{204, 300, 301, 400, 404, 413, 415, 429, 500, 502, 503, 504, 599,
		999} {
		rows = append(rows, wireRow{name: "answer " + itoa(code), play: status(code)})
	}
	return rows
}
