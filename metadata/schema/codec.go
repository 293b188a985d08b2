package schema

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/perdure/perdure/protocol"
)

// format is the version of the encoded form. A reader refuses what it does not know.
const format = 1

type wireSchema struct {
	Format      int               `json:"format"`
	Deployments []wireDeployment  `json:"deployments"`
	Active      map[string]string `json:"active"` // service to deployment
}

type wireDeployment struct {
	ID                string            `json:"id"`
	Kind              DeploymentKind    `json:"kind"`
	URI               string            `json:"uri,omitempty"`
	ARN               string            `json:"arn,omitempty"`
	AssumeRoleARN     string            `json:"assume_role_arn,omitempty"`
	Compression       string            `json:"compression,omitempty"`
	HTTPVersion       string            `json:"http_version,omitempty"`
	AdditionalHeaders [][2]string       `json:"additional_headers,omitempty"`
	Mode              ProtocolMode      `json:"mode"`
	MinProtocol       uint32            `json:"min_protocol"`
	MaxProtocol       uint32            `json:"max_protocol"`
	SDKVersion        string            `json:"sdk_version,omitempty"`
	Metadata          map[string]string `json:"metadata,omitempty"`
	CreatedAt         time.Time         `json:"created_at"`
	Services          []wireService     `json:"services,omitempty"`
}

type wireService struct {
	Name          string               `json:"name"`
	Kind          protocol.ServiceKind `json:"kind"`
	Revision      uint32               `json:"revision"`
	Documentation string               `json:"documentation,omitempty"`
	Metadata      map[string]string    `json:"metadata,omitempty"`
	Options       wireOptions          `json:"options,omitzero"`
	Handlers      []wireHandler        `json:"handlers,omitempty"`
}

type wireHandler struct {
	Name          string               `json:"name"`
	Kind          protocol.HandlerKind `json:"kind"`
	Documentation string               `json:"documentation,omitempty"`
	Metadata      map[string]string    `json:"metadata,omitempty"`
	Options       wireOptions          `json:"options,omitzero"`
	Input         wireInput            `json:"input"`
	Output        wireOutput           `json:"output"`
}

type wireInput struct {
	Required    bool            `json:"required,omitempty"`
	ContentType string          `json:"content_type,omitempty"`
	EmptyOnly   bool            `json:"empty_only,omitempty"`
	JSONSchema  json.RawMessage `json:"json_schema,omitempty"`
}

type wireOutput struct {
	ContentType           string          `json:"content_type,omitempty"`
	SetContentTypeIfEmpty bool            `json:"set_if_empty,omitempty"`
	JSONSchema            json.RawMessage `json:"json_schema,omitempty"`
}

// wireOptions has durations in nanoseconds.
type wireOptions struct {
	Public                      *bool          `json:"public,omitempty"`
	InactivityTimeout           *time.Duration `json:"inactivity_timeout,omitempty"`
	AbortTimeout                *time.Duration `json:"abort_timeout,omitempty"`
	JournalRetention            *time.Duration `json:"journal_retention,omitempty"`
	IdempotencyRetention        *time.Duration `json:"idempotency_retention,omitempty"`
	WorkflowCompletionRetention *time.Duration `json:"workflow_completion_retention,omitempty"`
	EnableLazyState             *bool          `json:"lazy_state,omitempty"`
	RetryInitialInterval        *time.Duration `json:"retry_initial_interval,omitempty"`
	RetryMaxInterval            *time.Duration `json:"retry_max_interval,omitempty"`
	RetryMaxAttempts            *uint32        `json:"retry_max_attempts,omitempty"`
	RetryFactor                 *float64       `json:"retry_factor,omitempty"`
	OnMaxAttempts               *OnMaxAttempts `json:"on_max_attempts,omitempty"`
}

// Encode writes the schema in its stored form. Defaults are configuration and not part of it.
func (s *Schema) Encode() ([]byte, error) {
	w := wireSchema{Format: format, Deployments: []wireDeployment{}, Active: map[string]string{}}
	for _, d := range s.Deployments() {
		w.Deployments = append(w.Deployments, encodeDeployment(d))
	}
	for name, id := range s.active {
		w.Active[name] = id.String()
	}
	b, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("encode the schema: %w", err)
	}
	return b, nil
}

func encodeDeployment(d *Deployment) wireDeployment {
	w := wireDeployment{
		ID: d.ID.String(), Kind: d.Kind, URI: d.URI, ARN: d.ARN, AssumeRoleARN: d.AssumeRoleARN,
		Compression: d.Compression, HTTPVersion: d.HTTPVersion, Mode: d.Mode,
		MinProtocol: d.MinProtocolVersion, MaxProtocol: d.MaxProtocolVersion,
		SDKVersion: d.SDKVersion, Metadata: d.Metadata, CreatedAt: d.CreatedAt,
	}
	for _, h := range d.AdditionalHeaders {
		w.AdditionalHeaders = append(w.AdditionalHeaders, [2]string{h.Key, h.Value})
	}
	for _, svc := range d.ServicesAt() {
		ws := wireService{
			Name: svc.Name, Kind: svc.Kind, Revision: svc.Revision, Documentation: svc.Documentation,
			Metadata: svc.Metadata, Options: wireOptions(svc.Options),
		}
		for _, h := range svc.HandlerList() {
			ws.Handlers = append(ws.Handlers, wireHandler{
				Name: h.Name, Kind: h.Kind, Documentation: h.Documentation, Metadata: h.Metadata,
				Options: wireOptions(h.Options), Input: wireInput(h.Input), Output: wireOutput(h.Output),
			})
		}
		w.Services = append(w.Services, ws)
	}
	return w
}

// Decode is the inverse of Encode.
func Decode(b []byte, defaults Defaults) (*Schema, error) {
	var w wireSchema
	if err := json.Unmarshal(b, &w); err != nil {
		return nil, fmt.Errorf("decode the schema: %w", err)
	}
	if w.Format != format {
		return nil, fmt.Errorf("decode the schema: its form is %d, this release reads %d: run a "+
			"newer release", w.Format, format)
	}
	deployments := make(map[protocol.DeploymentID]*Deployment, len(w.Deployments))
	for i := range w.Deployments {
		d, err := decodeDeployment(&w.Deployments[i])
		if err != nil {
			return nil, fmt.Errorf("decode the schema: %w", err)
		}
		deployments[d.ID] = d
	}
	active := make(map[string]protocol.DeploymentID, len(w.Active))
	for name, text := range w.Active {
		id, err := protocol.ParseDeploymentID(text)
		if err != nil {
			return nil, fmt.Errorf("decode the schema: service %q: %w", name, err)
		}
		if d := deployments[id]; d == nil || d.Services[name] == nil {
			return nil, fmt.Errorf("decode the schema: deployment %s does not offer %q", id, name)
		}
		active[name] = id
	}
	return build(defaults, deployments, active), nil
}

func decodeDeployment(w *wireDeployment) (*Deployment, error) {
	id, err := protocol.ParseDeploymentID(w.ID)
	if err != nil {
		return nil, err
	}
	if w.Kind != DeploymentHTTP && w.Kind != DeploymentLambda {
		return nil, fmt.Errorf("deployment %s has the unknown kind %q", id, w.Kind)
	}
	d := &Deployment{
		ID: id, Kind: w.Kind, URI: w.URI, ARN: w.ARN, AssumeRoleARN: w.AssumeRoleARN,
		Compression: w.Compression, HTTPVersion: w.HTTPVersion, Mode: w.Mode,
		MinProtocolVersion: w.MinProtocol, MaxProtocolVersion: w.MaxProtocol,
		SDKVersion: w.SDKVersion, Metadata: w.Metadata, CreatedAt: w.CreatedAt,
		Services: make(map[string]*Service, len(w.Services)),
	}
	for _, h := range w.AdditionalHeaders {
		d.AdditionalHeaders = append(d.AdditionalHeaders, protocol.KeyValue{Key: h[0], Value: h[1]})
	}
	for i := range w.Services {
		ws := &w.Services[i]
		svc := &Service{
			Name: ws.Name, Kind: ws.Kind, Revision: ws.Revision, Deployment: id,
			Documentation: ws.Documentation, Metadata: ws.Metadata, Options: Options(ws.Options),
			Handlers: make(map[string]*Handler, len(ws.Handlers)),
		}
		for j := range ws.Handlers {
			h := &ws.Handlers[j]
			svc.Handlers[h.Name] = &Handler{
				Name: h.Name, Kind: h.Kind, Documentation: h.Documentation, Metadata: h.Metadata,
				Input: InputRules(h.Input), Output: OutputRules(h.Output), Options: Options(h.Options),
			}
		}
		d.Services[svc.Name] = svc
	}
	return d, nil
}
