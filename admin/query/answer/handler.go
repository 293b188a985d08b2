package answer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/perdure/perdure/admin/query"
	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

const (
	// maxBodyBytes bounds a request: the longest query, written with escapes.
	maxBodyBytes = 8 << 20
	// heldBytes is how much of an answer is put together before it is sent: until then, an error
	// has a status of its own.
	heldBytes = 32 << 10
	// stuck is how long a client may take no part of its answer.
	stuck = time.Minute
)

// Handler answers queries.
type Handler struct{ engine *query.Engine }

// New makes a Handler.
func New(e *query.Engine) *Handler { return &Handler{e} }

// format writes rows in one form.
type format interface {
	row([]table.Value) error
	end() error
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/query" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	text, status, err := readQuery(r)
	if err != nil {
		http.Error(w, err.Error(), status)
		return
	}
	out := &held{w: w, control: http.NewResponseController(w)}
	if err := h.answer(r, text, out); err != nil {
		fail(r.Context(), out, err)
	}
}

func (h *Handler) answer(r *http.Request, text string, out *held) error {
	s, err := h.engine.Prepare(text)
	if err != nil {
		return err
	}
	f, err := formatFor(r.Header.Get("Accept"), s.Columns, out)
	if err != nil {
		return err
	}
	if err := s.Run(r.Context(), nil, f.row); err != nil {
		return err
	}
	if err := f.end(); err != nil {
		return err
	}
	return out.flush()
}

func formatFor(accept string, columns []query.Column, out *held) (format, error) {
	if accept == "application/json" {
		out.contentType = accept
		return newJSON(columns, out), nil
	}
	out.contentType = "application/vnd.apache.arrow.stream"
	return newArrow(columns, out)
}

// readQuery reads the query out of a request.
func readQuery(r *http.Request) (text string, status int, err error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" && !strings.HasSuffix(media, "+json") {
		return "", http.StatusUnsupportedMediaType,
			errors.New("Expected request with `Content-Type: application/json`")
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, maxBodyBytes+1))
	if err != nil {
		return "", http.StatusBadRequest, fmt.Errorf("Failed to buffer the request body: %w", err)
	}
	if len(b) > maxBodyBytes {
		return "", http.StatusRequestEntityTooLarge, fmt.Errorf(
			"Failed to buffer the request body: length limit of %d bytes exceeded", maxBodyBytes)
	}
	var body struct {
		Query *string `json:"query"`
	}
	var shape *json.UnmarshalTypeError
	switch err := json.Unmarshal(b, &body); {
	case errors.As(err, &shape):
		return "", http.StatusUnprocessableEntity, fmt.Errorf(
			"Failed to deserialize the JSON body into the target type: %s cannot be a %s",
			shape.Field, shape.Value)
	case err != nil:
		return "", http.StatusBadRequest, fmt.Errorf("Failed to parse the request body as JSON: %w", err)
	case body.Query == nil:
		return "", http.StatusUnprocessableEntity, errors.New(
			"Failed to deserialize the JSON body into the target type: missing field `query`")
	}
	return *body.Query, 0, nil
}

// fail tells the client what went wrong, or cuts the connection if part of the answer is sent.
func fail(ctx context.Context, out *held, err error) {
	if out.sent || ctx.Err() != nil {
		panic(http.ErrAbortHandler)
	}
	status := statusOf(err)
	if status == http.StatusTooManyRequests {
		out.w.Header().Set("Retry-After", "1")
	}
	body, encodeErr := json.Marshal(map[string]string{"message": err.Error()})
	if encodeErr != nil {
		body = []byte("{}") // a string can always be encoded
	}
	out.w.Header().Set("Content-Type", "application/json")
	out.w.WriteHeader(status)
	_, _ = out.w.Write(body) // a client that has gone away is no error of ours
}

// statusOf: what is no query is the client's mistake, 400. Clients expect 500 for one that names
// what does not exist or fails while it runs.
func statusOf(err error) int {
	var e *sql.Error
	var broken *query.PanicError
	switch {
	case errors.Is(err, query.ErrEmpty):
		return http.StatusBadRequest
	case errors.As(err, &e):
		switch e.State {
		case sql.StateSyntax, sql.StateReadOnly, sql.StateTooComplex:
			return http.StatusBadRequest
		case sql.StateTooManyQueries:
			return http.StatusTooManyRequests
		}
		return http.StatusInternalServerError
	case errors.As(err, &broken):
		return http.StatusInternalServerError
	}
	return http.StatusServiceUnavailable // a table could not be read
}

// held is an answer whose first part is held back.
type held struct {
	w           http.ResponseWriter
	control     *http.ResponseController
	contentType string
	buffer      []byte
	sent        bool
}

// Write implements io.Writer.
func (h *held) Write(b []byte) (int, error) {
	h.buffer = append(h.buffer, b...)
	if len(h.buffer) < heldBytes {
		return len(b), nil
	}
	return len(b), h.flush()
}

func (h *held) flush() error {
	if !h.sent {
		h.w.Header().Set("Content-Type", h.contentType)
		h.w.WriteHeader(http.StatusOK)
		h.sent = true
	}
	// Servers that have no deadlines, those of tests, are fine without.
	_ = h.control.SetWriteDeadline(time.Now().Add(stuck))
	if _, err := h.w.Write(h.buffer); err != nil {
		return fmt.Errorf("send the answer: %w", err)
	}
	h.buffer = h.buffer[:0]
	return nil
}
