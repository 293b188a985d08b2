package ingress

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// maxTrustedBytes is the longest body for which memory is taken before it has come: of longer ones,
	// only as fast as they come. All bodies together stay within their shares either way.
	maxTrustedBytes = 4 << 20
	// smallBodyBytes is up to which size bodies are read without asking for a share of the memory.
	smallBodyBytes = 64 << 10
	// bodyPatience is how long a request waits for its share.
	bodyPatience = 30 * time.Second
)

// bodies shares out the memory for large bodies. Requests get their share, all of it, before their
// first byte is read, in the order in which they came: until then the client's bytes wait in its own
// hands, held back by flow control.
type bodies struct {
	limit int64
	free  *semaphore.Weighted
	wait  time.Duration
}

func newBodies(limit int64) *bodies {
	return &bodies{limit: limit, free: semaphore.NewWeighted(limit), wait: bodyPatience}
}

// take waits for a share; what it returns gives it back, once, however often it is called.
func (b *bodies) take(ctx context.Context, size int64) (done func(), err error) {
	if size <= smallBodyBytes {
		return func() {}, nil
	}
	size = min(size, b.limit)
	waiting, cancel := context.WithTimeout(ctx, b.wait)
	defer cancel()
	if err := b.free.Acquire(waiting, size); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, errBodyMemory
	}
	return sync.OnceFunc(func() { b.free.Release(size) }), nil
}

// body is one that was read. done must be called when its bytes are no longer needed.
type body struct {
	bytes []byte
	done  func()
}

// readBody reads a whole body. A nil body without an error means that the request was answered.
func (h *Handler) readBody(w *response, r *http.Request) (*body, error) {
	limit := h.cfg.RequestSizeLimit
	if r.ContentLength > limit {
		w.send(http.StatusRequestEntityTooLarge, "text/plain; charset=utf-8",
			[]byte("length limit exceeded"))
		return nil, nil
	}
	if r.ContentLength == 0 || r.Body == nil {
		return &body{[]byte{}, func() {}}, nil
	}
	size := r.ContentLength
	if size < 0 {
		size = limit // it may become as long as that
	}
	done, err := h.bodies.take(r.Context(), size)
	if err != nil {
		return nil, err
	}
	b, err := readAll(r, limit)
	if err != nil {
		done()
		return nil, err
	}
	return &body{b, done}, nil
}

func readAll(r *http.Request, limit int64) ([]byte, error) {
	var body []byte
	var err error
	if n := r.ContentLength; 0 < n && n <= maxTrustedBytes {
		body = make([]byte, n)
		_, err = io.ReadFull(r.Body, body)
	} else {
		b := bytes.NewBuffer([]byte{})
		_, err = b.ReadFrom(http.MaxBytesReader(nil, r.Body, limit))
		body = b.Bytes()
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, &requestError{
			http.StatusRequestEntityTooLarge, "cannot read body: LengthLimitError",
		}
	}
	if err != nil {
		return nil, &requestError{http.StatusInternalServerError, "cannot read body: " + err.Error()}
	}
	return body, nil
}
