package discovery

import (
	"bytes"
	"encoding/json"
	"math"
	"time"

	"github.com/perdure/perdure/protocol"
)

// ProtocolMode says whether requests and answers of one attempt overlap.
type ProtocolMode string

const (
	BidiStream      ProtocolMode = "BIDI_STREAM"
	RequestResponse ProtocolMode = "REQUEST_RESPONSE"
)

// OnMaxAttempts says what becomes of an invocation whose attempts are used up.
type OnMaxAttempts string

const (
	Pause OnMaxAttempts = "PAUSE"
	Kill  OnMaxAttempts = "KILL"
)

// Manifest is what a deployment offers.
type Manifest struct {
	Mode               ProtocolMode
	MinProtocolVersion uint32
	MaxProtocolVersion uint32
	LambdaCompression  string // "zstd" or empty
	Services           []Service
}

// Service is one service of a manifest. Handlers keep the manifest's order.
type Service struct {
	Name          string
	Kind          protocol.ServiceKind
	Documentation string
	Metadata      map[string]string
	Options       Options
	Handlers      []Handler
}

// Handler is one handler of a service.
type Handler struct {
	Name          string
	Kind          protocol.HandlerKind
	Documentation string
	Metadata      map[string]string
	Options       Options
	Input         Input
	Output        Output
}

// Input says which request bodies a handler takes.
type Input struct {
	// Required: an empty body without content type is refused.
	Required bool
	// ContentType is a media type with optional wildcards; empty means that only an empty body
	// without content type is taken.
	ContentType string
	JSONSchema  []byte // compact JSON, or nil
}

// Output says how a handler's result is labelled.
type Output struct {
	ContentType           string // empty: none is set
	SetContentTypeIfEmpty bool
	JSONSchema            []byte // compact JSON, or nil
}

// Options are what a service or handler may set for itself. Nil means unset. The tags are the
// names in the manifest.
type Options struct {
	InactivityTimeout           *Duration      `json:"inactivityTimeout"`
	AbortTimeout                *Duration      `json:"abortTimeout"`
	JournalRetention            *Duration      `json:"journalRetention"`
	IdempotencyRetention        *Duration      `json:"idempotencyRetention"`
	WorkflowCompletionRetention *Duration      `json:"workflowCompletionRetention"`
	EnableLazyState             *bool          `json:"enableLazyState"`
	IngressPrivate              *bool          `json:"ingressPrivate"`
	RetryInitialInterval        *Duration      `json:"retryPolicyInitialInterval"`
	RetryMaxInterval            *Duration      `json:"retryPolicyMaxInterval"`
	RetryMaxAttempts            *uint32        `json:"retryPolicyMaxAttempts"`
	RetryFactor                 *float64       `json:"retryPolicyExponentiationFactor"`
	OnMaxAttempts               *OnMaxAttempts `json:"retryPolicyOnMaxAttempts"`
}

// Duration is a length of time; in a manifest it is a whole number of milliseconds.
type Duration time.Duration

// UnmarshalJSON reads milliseconds. More than a Duration can hold counts as the longest Duration:
// some SDKs say "for ever" with the largest number they have.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var ms uint64
	if err := json.Unmarshal(b, &ms); err != nil {
		return err
	}
	if ms > math.MaxInt64/uint64(time.Millisecond) {
		*d = math.MaxInt64
		return nil
	}
	*d = Duration(ms) * Duration(time.Millisecond)
	return nil
}

// The wire structs follow the manifest's JSON; unknown fields are skipped. One set serves all
// versions, because every version only added optional fields.
type wireEndpoint struct {
	Mode        *ProtocolMode  `json:"protocolMode"`
	Min         *int64         `json:"minProtocolVersion"`
	Max         *int64         `json:"maxProtocolVersion"`
	Compression *string        `json:"lambdaCompression"`
	Services    *[]wireService `json:"services"`
}

type wireService struct {
	Name          string            `json:"name"`
	Type          string            `json:"ty"`
	Documentation string            `json:"documentation"`
	Metadata      map[string]string `json:"metadata"`
	Handlers      []wireHandler     `json:"handlers"`
	Options
}

type wireHandler struct {
	Name          string            `json:"name"`
	Type          string            `json:"ty"`
	Documentation string            `json:"documentation"`
	Metadata      map[string]string `json:"metadata"`
	Input         *wireInput        `json:"input"`
	Output        *wireOutput       `json:"output"`
	Options
}

type wireInput struct {
	Required    bool            `json:"required"`
	ContentType *string         `json:"contentType"`
	JSONSchema  json.RawMessage `json:"jsonSchema"`
}

type wireOutput struct {
	ContentType           *string         `json:"contentType"`
	SetContentTypeIfEmpty bool            `json:"setContentTypeIfEmpty"`
	JSONSchema            json.RawMessage `json:"jsonSchema"`
}

// rules settles what an absent input or an absent content type means.
func (w *wireInput) rules() Input {
	switch {
	case w == nil:
		return Input{ContentType: "*/*"}
	case w.ContentType == nil || *w.ContentType == "":
		return Input{JSONSchema: compact(w.JSONSchema)}
	}
	return Input{Required: w.Required, ContentType: *w.ContentType, JSONSchema: compact(w.JSONSchema)}
}

func (w *wireOutput) rules() Output {
	if w == nil {
		return Output{ContentType: "application/json"}
	}
	o := Output{SetContentTypeIfEmpty: w.SetContentTypeIfEmpty, JSONSchema: compact(w.JSONSchema)}
	if w.ContentType != nil {
		o.ContentType = *w.ContentType
	}
	return o
}

// compact drops the blanks of a JSON schema; an absent or null one is nil.
func compact(raw json.RawMessage) []byte {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return nil // cannot be: raw comes out of the JSON decoder
	}
	return b.Bytes()
}
