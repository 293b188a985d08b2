package floor

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

const (
	contentType = "application/vnd.restate.invocation.v6"

	idBytes         = 24
	readBufferBytes = 4 << 10
)

// errSuspended cannot happen to a handler whose input stays open, as long as nothing is slow.
var errSuspended = errors.New("the handler suspended, which is not played")

// invocation is one call while it is played.
type invocation struct {
	server  *Server
	id      [idBytes]byte
	path    string // after the deployment's address
	key     string
	input   []byte
	scratch []byte
}

// run plays the call and returns its output.
func (i *invocation) run(ctx context.Context) (output []byte, err error) {
	if err := i.server.disk.commit(append([]byte(i.path), i.input...)); err != nil {
		return nil, err
	}
	body := newStream()
	defer body.finish()
	body.send(i.opening())
	url := i.server.deployment() + i.path
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		return nil, fmt.Errorf("call the service: %w", err)
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Accept", contentType)
	request.Header.Set("X-Restate-Invocation-Id", i.debugID())
	answer, err := i.server.client.RoundTrip(request)
	if err != nil {
		return nil, fmt.Errorf("call the service: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("call the service: it answered %s", answer.Status)
	}
	return i.play(bufio.NewReaderSize(answer.Body, readBufferBytes), body)
}

func (i *invocation) debugID() string { return "inv_1" + hex.EncodeToString(i.id[:]) }

// opening is what an attempt begins with: start and input.
func (i *invocation) opening() []byte {
	start := appendBytes(nil, startID, i.id[:])
	start = appendBytes(start, startDebugID, []byte(i.debugID()))
	start = appendVarint(start, startKnownEntries, 1)
	if i.key == "" {
		start = appendVarint(start, startPartialState, 1)
	} else {
		start = appendBytes(start, startKey, []byte(i.key))
	}
	start = appendVarint(start, startSeed, binary.BigEndian.Uint64(i.id[:]))
	frames := appendFrame(nil, typeStart, start)
	return appendFrame(frames, typeInput, appendValue(nil, commandValue, i.input))
}

// play answers what the SDK sends until the call has ended.
func (i *invocation) play(in *bufio.Reader, out *stream) (output []byte, err error) {
	var kind uint16
	var payload []byte
	for {
		kind, payload, err = readFrame(in, payload)
		if err != nil {
			return nil, err
		}
		switch kind {
		case typeRun: // made durable together with its result
		case typeProposeRunCompletion:
			err = i.complete(payload, out)
		case typeOutput:
			output, err = i.output(payload)
		case typeEnd:
			return output, i.server.disk.commit(output)
		case typeSuspension:
			err = errSuspended
		case typeError:
			err = describe(payload)
		default:
			err = fmt.Errorf("a frame of type %#04x came, which is not played", kind)
		}
		if err != nil {
			return nil, err
		}
	}
}

// complete makes the result of a step durable and tells the SDK.
func (i *invocation) complete(proposal []byte, out *stream) error {
	found, err := parse(proposal)
	if err != nil {
		return err
	}
	value, ok := found.bytes[proposalValue]
	if !ok {
		return errors.New("a step failed, which is not played")
	}
	if err := i.server.disk.commit(proposal); err != nil {
		return err
	}
	i.scratch = appendVarint(i.scratch[:0], notificationID, found.numbers[proposalID])
	i.scratch = appendValue(i.scratch, notificationValue, value)
	out.send(appendFrame(nil, typeRunCompletion, i.scratch))
	return nil
}

// output returns a copy of the value that a handler returned.
func (i *invocation) output(command []byte) ([]byte, error) {
	found, err := parse(command)
	if err != nil {
		return nil, err
	}
	if failure, failed := found.bytes[commandFailure]; failed {
		reason, err := parse(failure)
		return nil, errors.Join(fmt.Errorf("the handler failed: %s", reason.bytes[failureMessage]), err)
	}
	content, err := found.content(commandValue)
	return append([]byte{}, content...), err
}

func describe(payload []byte) error {
	found, err := parse(payload)
	return errors.Join(fmt.Errorf("the handler failed: %s", found.bytes[errorMessage]), err)
}

// stream is the body of a request that is written while it is sent. It holds what a handler's
// few frames amount to, so it needs no limit of its own.
type stream struct {
	mu    sync.Mutex
	ready sync.Cond
	bytes []byte // guarded by mu; sent but not read
	ended bool   // guarded by mu
}

func newStream() *stream {
	s := &stream{}
	s.ready.L = &s.mu
	return s
}

func (s *stream) send(frames []byte) {
	s.mu.Lock()
	s.bytes = append(s.bytes, frames...)
	s.mu.Unlock()
	s.ready.Signal()
}

func (s *stream) finish() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.ready.Signal()
}

// Read waits for bytes, as the HTTP client asks for them.
func (s *stream) Read(to []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.bytes) == 0 && !s.ended {
		s.ready.Wait()
	}
	if len(s.bytes) == 0 {
		return 0, io.EOF
	}
	n := copy(to, s.bytes)
	s.bytes = s.bytes[n:]
	if len(s.bytes) == 0 {
		s.bytes = nil
	}
	return n, nil
}

// Close ends a Read that waits.
func (s *stream) Close() error {
	s.finish()
	return nil
}
