package schema

import (
	"encoding/json"
	"time"

	"github.com/perdure/perdure/protocol"
)

// Source gives the newest schema that this node knows. It never blocks and never returns nil.
type Source interface{ Current() *Schema }

// DeploymentKind says how a deployment is reached.
type DeploymentKind string

const (
	DeploymentHTTP   DeploymentKind = "http"
	DeploymentLambda DeploymentKind = "lambda"
)

// ProtocolMode says whether requests and answers of one attempt overlap.
type ProtocolMode string

const (
	ModeBidiStream      ProtocolMode = "BIDI_STREAM"
	ModeRequestResponse ProtocolMode = "REQUEST_RESPONSE"
)

// Deployment is a registered version of services and its address.
type Deployment struct {
	ID   protocol.DeploymentID
	Kind DeploymentKind
	// URI is the base address of an HTTP deployment; ARN that of a Lambda one.
	URI           string
	ARN           string
	AssumeRoleARN string
	Compression   string // "zstd" or empty
	// HTTPVersion is what discovery settled on: "HTTP/1.1" or "HTTP/2.0".
	HTTPVersion        string
	AdditionalHeaders  []protocol.KeyValue
	Mode               ProtocolMode
	MinProtocolVersion uint32
	MaxProtocolVersion uint32
	SDKVersion         string
	Metadata           map[string]string
	CreatedAt          time.Time
	// Services are the services as this deployment offers them, by name.
	Services map[string]*Service
}

// Service is one revision of a service, as one deployment offers it.
type Service struct {
	Name          string
	Kind          protocol.ServiceKind
	Revision      uint32
	Deployment    protocol.DeploymentID
	Handlers      map[string]*Handler
	Documentation string
	Metadata      map[string]string
	Options       Options // unset fields fall back to the server's defaults
}

// Handler is one handler of a service.
type Handler struct {
	Name          string
	Kind          protocol.HandlerKind
	Documentation string
	Metadata      map[string]string
	Input         InputRules
	Output        OutputRules
	Options       Options // unset fields fall back to the service's
}

// InputRules say which bodies a handler takes.
type InputRules struct {
	Required    bool
	ContentType string // "" none allowed, "*/*" any, else exactly this
	// EmptyOnly: the body must be empty and without content type.
	EmptyOnly  bool
	JSONSchema json.RawMessage // as registered, or nil
}

// OutputRules say how a handler's result is labelled.
type OutputRules struct {
	ContentType           string
	SetContentTypeIfEmpty bool
	JSONSchema            json.RawMessage // as registered, or nil
}

// Options are what a manifest or a PATCH may set for a service or handler. Nil means unset.
type Options struct {
	Public                      *bool
	InactivityTimeout           *time.Duration
	AbortTimeout                *time.Duration
	JournalRetention            *time.Duration
	IdempotencyRetention        *time.Duration
	WorkflowCompletionRetention *time.Duration
	EnableLazyState             *bool
	RetryInitialInterval        *time.Duration
	RetryMaxInterval            *time.Duration
	RetryMaxAttempts            *uint32 // 0 means unlimited
	RetryFactor                 *float64
	OnMaxAttempts               *OnMaxAttempts
}

// OnMaxAttempts says what happens to an invocation whose attempts are used up.
type OnMaxAttempts string

const (
	OnMaxAttemptsPause OnMaxAttempts = "Pause"
	OnMaxAttemptsKill  OnMaxAttempts = "Kill"
)

// Defaults are the server's own options, which apply where neither handler nor service sets one,
// and the ceilings from the configuration; a zero ceiling is none.
type Defaults struct {
	InactivityTimeout, AbortTimeout              time.Duration
	JournalRetention, IdempotencyRetention       time.Duration
	WorkflowCompletionRetention                  time.Duration
	RetryInitialInterval, RetryMaxInterval       time.Duration
	RetryFactor                                  float64
	RetryMaxAttempts                             uint32 // 0 means unlimited
	OnMaxAttempts                                OnMaxAttempts
	MaxJournalRetention, MaxIdempotencyRetention time.Duration
	MaxWorkflowCompletionRetention               time.Duration
	MaxRetryAttempts                             uint32
}

// StandardDefaults are the defaults of a server without configuration.
func StandardDefaults() Defaults {
	const day = 24 * time.Hour
	return Defaults{
		InactivityTimeout: time.Minute, AbortTimeout: 10 * time.Minute,
		JournalRetention: day, IdempotencyRetention: day, WorkflowCompletionRetention: day,
		RetryInitialInterval: 500 * time.Millisecond, RetryMaxInterval: time.Minute,
		RetryFactor: 2, RetryMaxAttempts: 70, OnMaxAttempts: OnMaxAttemptsPause,
	}
}
