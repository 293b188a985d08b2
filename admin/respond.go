package admin

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/perdure/perdure/metadata"
	"github.com/perdure/perdure/metadata/schema"
)

const (
	// maxBodyBytes bounds a request's body. The largest is a state of 8 MiB or so, written as
	// numbers.
	maxBodyBytes = 32 << 20
	// minCompressedBytes is from which size on an answer may be compressed, and says so to caches.
	minCompressedBytes = 32
)

// response is a whole answer.
type response struct {
	status      int
	header      [2]string // one more header, or empty
	contentType string
	body        []byte
}

func jsonResponse(status int, v any) (*response, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	return &response{
		status: status, contentType: "application/json", body: bytes.TrimSuffix(b.Bytes(), []byte("\n")),
	}, nil
}

func textResponse(status int, format string, args ...any) *response {
	return &response{
		status: status, contentType: "text/plain; charset=utf-8", body: fmt.Appendf(nil, format, args...),
	}
}

// apiError is told as JSON.
type apiError struct {
	status  int
	code    string // restate_code, may be empty
	message string
}

func (e *apiError) Error() string { return e.message }

// plainError is told as text: the request could not be read.
type plainError struct {
	status  int
	message string
}

func (e *plainError) Error() string { return e.message }

func failed(status int, format string, args ...any) error {
	return &apiError{status: status, message: fmt.Sprintf(format, args...)}
}

func invalidField(name, reason string) error {
	return failed(http.StatusBadRequest, "The request field '%s' is invalid. Reason: %s", name, reason)
}

// errorResponse turns any error into what the client is told.
func errorResponse(err error) *response {
	var api *apiError
	var plain *plainError
	var refused *schema.RefusedError
	var noService *schema.NotFoundError
	var noDeployment *schema.DeploymentNotFoundError
	switch {
	case errors.As(err, &plain):
		return textResponse(plain.status, "%s", plain.message)
	case errors.As(err, &api):
	case errors.As(err, &refused):
		api = &apiError{http.StatusBadRequest, refused.Code, refused.Message}
		if refused.Conflict {
			api.status = http.StatusConflict
		}
	case errors.As(err, &noService) && noService.Handler == "":
		api = &apiError{status: http.StatusNotFound, message: fmt.Sprintf(
			"The requested service '%s' does not exist", noService.Service)}
	case errors.As(err, &noService):
		api = &apiError{status: http.StatusNotFound, message: fmt.Sprintf(
			"The requested handler '%s' on service '%s' does not exist",
			noService.Handler, noService.Service)}
	case errors.As(err, &noDeployment):
		api = &apiError{status: http.StatusNotFound, message: fmt.Sprintf(
			"The requested deployment '%s' does not exist", noDeployment.ID)}
	case errors.Is(err, metadata.ErrTooLarge):
		api = &apiError{status: http.StatusRequestEntityTooLarge, message: err.Error()}
	default:
		// A partition or the metadata could not be asked.
		api = &apiError{status: http.StatusServiceUnavailable, message: err.Error()}
	}
	body := struct {
		Message string  `json:"message"`
		Code    *string `json:"restate_code"`
	}{Message: api.message}
	if api.code != "" {
		body.Code = &api.code
	}
	resp, err := jsonResponse(api.status, body)
	if err != nil {
		return textResponse(http.StatusInternalServerError, "%v", err)
	}
	return resp
}

// readJSON reads the body into v. The error is a plainError, except for what v's own decoding says.
func readJSON(r *request, v any) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" && !strings.HasSuffix(media, "+json") {
		return &plainError{http.StatusUnsupportedMediaType,
			"Expected request with `Content-Type: application/json`"}
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, maxBodyBytes+1))
	if err != nil {
		return &plainError{http.StatusBadRequest, "Failed to buffer the request body: " + err.Error()}
	}
	if len(b) > maxBodyBytes {
		return &plainError{http.StatusRequestEntityTooLarge,
			fmt.Sprintf("Failed to buffer the request body: length limit of %d bytes exceeded", maxBodyBytes)}
	}
	if bytes.Equal(bytes.TrimSpace(b), []byte("null")) {
		return wrongShape("null is not an object")
	}
	err = json.Unmarshal(b, v)
	var syntax *json.SyntaxError
	var shape *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &shape):
		return wrongShape(fmt.Sprintf("the field %q cannot be a %s", shape.Field, shape.Value))
	case errors.As(err, &syntax):
		return &plainError{http.StatusBadRequest, "Failed to parse the request body as JSON: " + err.Error()}
	}
	return wrongShape(err.Error())
}

// wrongShape is the answer to JSON that does not say what it should.
func wrongShape(reason string) error {
	return &plainError{http.StatusUnprocessableEntity,
		"Failed to deserialize the JSON body into the target type: " + reason}
}

// send writes the response, compressed if the client asks for it.
func send(w http.ResponseWriter, r *http.Request, resp *response) {
	h := w.Header()
	if resp.header[0] != "" {
		h.Set(resp.header[0], resp.header[1])
	}
	body := resp.body
	if resp.contentType != "" {
		h.Set("Content-Type", resp.contentType)
	}
	if len(body) >= minCompressedBytes {
		h.Set("Vary", "accept-encoding")
		if encoding := chooseEncoding(r.Header.Get("Accept-Encoding")); encoding != "" {
			if packed, err := compress(encoding, body); err == nil {
				body = packed
				h.Set("Content-Encoding", encoding)
			}
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(resp.status)
	_, _ = w.Write(body) // a client that went away is not our failure
}

// encodings are those that answers come in; of two that a client likes as well, the first.
var encodings = []string{"zstd", "br", "gzip"}

// chooseEncoding picks what the client likes best, or nothing.
func chooseEncoding(accept string) string {
	best, bestQuality := len(encodings), 0.0
	for item := range strings.SplitSeq(accept, ",") {
		name, params, _ := strings.Cut(item, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		quality := 1.0
		if q, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			var err error
			if quality, err = strconv.ParseFloat(q, 64); err != nil {
				continue
			}
		}
		i := slices.Index(encodings, name)
		if i >= 0 && (quality > bestQuality || quality == bestQuality && i < best) {
			best, bestQuality = i, quality
		}
	}
	if bestQuality <= 0 {
		return ""
	}
	return encodings[best]
}

// brotliLevel is about as quick as the other encodings are here.
const brotliLevel = 4

func compress(encoding string, body []byte) ([]byte, error) {
	var b bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "br":
		w = brotli.NewWriterLevel(&b, brotliLevel)
	default:
		z, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
		if err != nil {
			return nil, err
		}
		w = z
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
