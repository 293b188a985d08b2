package admin

import (
	"encoding/json"
	"time"

	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/duration"
)

// createdAtLayout prints nanoseconds in full.
const createdAtLayout = "2006-01-02T15:04:05.000000000Z"

type infoView struct {
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
}

type deploymentView struct {
	ID                 string            `json:"id"`
	URI                string            `json:"uri,omitempty"`
	ProtocolType       string            `json:"protocol_type,omitempty"`
	HTTPVersion        string            `json:"http_version,omitempty"`
	ARN                string            `json:"arn,omitempty"`
	AssumeRoleARN      string            `json:"assume_role_arn,omitempty"`
	Compression        string            `json:"compression,omitempty"`
	AdditionalHeaders  map[string]string `json:"additional_headers,omitempty"`
	Metadata           map[string]string `json:"metadata,omitempty"`
	CreatedAt          string            `json:"created_at"`
	MinProtocolVersion uint32            `json:"min_protocol_version"`
	MaxProtocolVersion uint32            `json:"max_protocol_version"`
	SDKVersion         string            `json:"sdk_version,omitempty"`
	Services           any               `json:"services"`
}

type serviceRefView struct {
	Name     string `json:"name"`
	Revision uint32 `json:"revision"`
}

type retryPolicyView struct {
	InitialInterval      string   `json:"initial_interval,omitempty"`
	ExponentiationFactor *float64 `json:"exponentiation_factor,omitempty"`
	MaxAttempts          *uint32  `json:"max_attempts"` // null: unset or unlimited
	MaxInterval          string   `json:"max_interval,omitempty"`
	OnMaxAttempts        string   `json:"on_max_attempts,omitempty"`
}

type serviceView struct {
	Name                        string            `json:"name"`
	Handlers                    []handlerView     `json:"handlers"`
	Type                        string            `json:"ty"`
	Documentation               string            `json:"documentation,omitempty"`
	Metadata                    map[string]string `json:"metadata,omitempty"`
	DeploymentID                string            `json:"deployment_id"`
	Revision                    uint32            `json:"revision"`
	Public                      bool              `json:"public"`
	IdempotencyRetention        string            `json:"idempotency_retention"`
	WorkflowCompletionRetention string            `json:"workflow_completion_retention,omitempty"`
	JournalRetention            string            `json:"journal_retention"`
	InactivityTimeout           string            `json:"inactivity_timeout"`
	AbortTimeout                string            `json:"abort_timeout"`
	EnableLazyState             bool              `json:"enable_lazy_state"`
	RetryPolicy                 retryPolicyView   `json:"retry_policy"`
	Info                        []infoView        `json:"info,omitempty"`
}

type handlerView struct {
	Name                 string            `json:"name"`
	Type                 string            `json:"ty,omitempty"`
	Documentation        string            `json:"documentation,omitempty"`
	Metadata             map[string]string `json:"metadata,omitempty"`
	IdempotencyRetention string            `json:"idempotency_retention,omitempty"`
	JournalRetention     string            `json:"journal_retention,omitempty"`
	InactivityTimeout    string            `json:"inactivity_timeout,omitempty"`
	AbortTimeout         string            `json:"abort_timeout,omitempty"`
	EnableLazyState      *bool             `json:"enable_lazy_state,omitempty"`
	Public               bool              `json:"public"`
	InputDescription     string            `json:"input_description"`
	OutputDescription    string            `json:"output_description"`
	InputJSONSchema      json.RawMessage   `json:"input_json_schema,omitempty"`
	OutputJSONSchema     json.RawMessage   `json:"output_json_schema,omitempty"`
	RetryPolicy          retryPolicyView   `json:"retry_policy"`
	Info                 []infoView        `json:"info,omitempty"`
}

// describeDeployment prints a deployment; services is how its services are shown.
func describeDeployment(d *schema.Deployment, services any) deploymentView {
	v := deploymentView{
		ID: d.ID.String(), Metadata: d.Metadata, CreatedAt: d.CreatedAt.UTC().Format(createdAtLayout),
		MinProtocolVersion: d.MinProtocolVersion, MaxProtocolVersion: d.MaxProtocolVersion,
		SDKVersion: d.SDKVersion, Services: services,
	}
	for _, h := range d.AdditionalHeaders {
		if v.AdditionalHeaders == nil {
			v.AdditionalHeaders = map[string]string{}
		}
		v.AdditionalHeaders[h.Key] = h.Value
	}
	if d.Kind == schema.DeploymentLambda {
		v.ARN, v.AssumeRoleARN = d.ARN, d.AssumeRoleARN
		if d.Compression == "zstd" {
			v.Compression = "Zstd"
		}
		return v
	}
	v.URI, v.HTTPVersion, v.ProtocolType = d.URI, d.HTTPVersion, "BidiStream"
	if d.Mode == schema.ModeRequestResponse {
		v.ProtocolType = "RequestResponse"
	}
	return v
}

func serviceRefs(d *schema.Deployment) []serviceRefView {
	refs := []serviceRefView{}
	for _, s := range d.ServicesAt() {
		refs = append(refs, serviceRefView{s.Name, s.Revision})
	}
	return refs
}

func describeServices(s *schema.Schema, list []*schema.Service) []serviceView {
	views := []serviceView{}
	for _, svc := range list {
		views = append(views, describeService(s, svc))
	}
	return views
}

func describeService(s *schema.Schema, svc *schema.Service) serviceView {
	o := s.ServiceOptions(svc)
	v := serviceView{
		Name: svc.Name, Handlers: describeHandlers(s, svc), Type: kindName(svc.Kind),
		Documentation: svc.Documentation, Metadata: svc.Metadata,
		DeploymentID: svc.Deployment.String(), Revision: svc.Revision, Public: o.Public,
		IdempotencyRetention: duration.Format(o.IdempotencyRetention),
		JournalRetention:     duration.Format(o.JournalRetention),
		InactivityTimeout:    duration.Format(o.InactivityTimeout),
		AbortTimeout:         duration.Format(o.AbortTimeout),
		EnableLazyState:      o.LazyState,
		RetryPolicy: retryPolicyView{
			InitialInterval:      duration.Format(o.RetryInitialInterval),
			ExponentiationFactor: &o.RetryFactor,
			MaxInterval:          duration.Format(o.RetryMaxInterval),
			OnMaxAttempts:        string(o.OnMaxAttempts),
		},
		Info: describeInfos(s.ServiceInfos(svc)),
	}
	if o.Deployment.Mode == schema.ModeRequestResponse {
		v.InactivityTimeout = duration.Format(0)
	}
	if o.RetryMaxAttempts != 0 {
		v.RetryPolicy.MaxAttempts = &o.RetryMaxAttempts
	}
	if svc.Kind == protocol.KindWorkflow {
		v.WorkflowCompletionRetention = duration.Format(o.WorkflowCompletionRetention)
	}
	return v
}

func describeInfos(infos []schema.Info) []infoView {
	var views []infoView
	for _, i := range infos {
		views = append(views, infoView(i))
	}
	return views
}

func describeHandlers(s *schema.Schema, svc *schema.Service) []handlerView {
	views := []handlerView{}
	for _, h := range svc.HandlerList() {
		views = append(views, describeHandler(s, svc, h))
	}
	return views
}

// describeHandler shows the options that the handler sets itself, as they take effect.
func describeHandler(s *schema.Schema, svc *schema.Service, h *schema.Handler) handlerView {
	v := handlerView{
		Name: h.Name, Documentation: h.Documentation, Metadata: h.Metadata, Public: true,
		EnableLazyState:  h.Options.EnableLazyState,
		InputDescription: describeInput(h.Input), OutputDescription: describeOutput(h.Output),
		InputJSONSchema: h.Input.JSONSchema, OutputJSONSchema: h.Output.JSONSchema,
	}
	switch h.Kind {
	case protocol.HandlerExclusive:
		v.Type = "Exclusive"
	case protocol.HandlerShared:
		v.Type = "Shared"
	case protocol.HandlerWorkflow:
		v.Type = "Workflow"
	}
	r, err := s.ResolveAt(svc.Deployment, svc.Name, h.Name)
	if err != nil {
		return v // cannot be: h is out of this schema
	}
	v.Public = r.Public
	v.Info = describeInfos(s.HandlerInfos(svc, h))
	o := &h.Options
	shown := func(set *time.Duration, effective time.Duration) string {
		if set == nil {
			return ""
		}
		return duration.Format(effective)
	}
	v.IdempotencyRetention = shown(o.IdempotencyRetention, r.IdempotencyRetention)
	v.JournalRetention = shown(o.JournalRetention, r.JournalRetention)
	if r.Deployment.Mode != schema.ModeRequestResponse {
		v.InactivityTimeout = shown(o.InactivityTimeout, r.InactivityTimeout)
	}
	v.AbortTimeout = shown(o.AbortTimeout, r.AbortTimeout)
	v.RetryPolicy.InitialInterval = shown(o.RetryInitialInterval, r.RetryInitialInterval)
	v.RetryPolicy.MaxInterval = shown(o.RetryMaxInterval, r.RetryMaxInterval)
	v.RetryPolicy.ExponentiationFactor = o.RetryFactor
	if o.RetryMaxAttempts != nil && r.RetryMaxAttempts != 0 {
		v.RetryPolicy.MaxAttempts = &r.RetryMaxAttempts
	}
	if o.OnMaxAttempts != nil {
		v.RetryPolicy.OnMaxAttempts = string(*o.OnMaxAttempts)
	}
	return v
}

func describeInput(in schema.InputRules) string {
	if in.EmptyOnly {
		return "none"
	}
	return describeBody(in.ContentType, in.JSONSchema)
}

func describeOutput(out schema.OutputRules) string {
	switch text := describeBody(out.ContentType, out.JSONSchema); {
	case out.ContentType == "":
		return "none"
	case text == out.ContentType && out.SetContentTypeIfEmpty:
		return "optional " + text
	default:
		return text
	}
}

// describeBody names what a JSON schema says at its top, if it says something, else the content
// type.
func describeBody(contentType string, jsonSchema json.RawMessage) string {
	var top struct {
		Title string `json:"title"`
		Type  any    `json:"type"`
	}
	if err := json.Unmarshal(jsonSchema, &top); err != nil {
		return contentType // no schema, or one that is no object
	}
	if top.Title != "" {
		return "JSON '" + top.Title + "'"
	}
	if kind, ok := top.Type.(string); ok {
		return "JSON " + kind
	}
	return contentType
}

func kindName(k protocol.ServiceKind) string {
	switch k {
	case protocol.KindObject:
		return "VirtualObject"
	case protocol.KindWorkflow:
		return "Workflow"
	}
	return "Service"
}
