package discovery

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/perdure/perdure/protocol"
)

// Versions of the manifest's form, and the service protocol versions that this server speaks.
const (
	MinVersion         = 1
	MaxVersion         = 4
	MinProtocolVersion = 5
	MaxProtocolVersion = 7
)

// Limits of one manifest.
const (
	MaxBytes             = 16 << 20
	MaxServices          = 4096
	MaxHandlers          = 4096 // per service
	MaxNameBytes         = 1024
	maxSchemaDepth       = 128
	maxContentTypeLength = 256
)

const contentTypeFormat = "application/vnd.restate.endpointmanifest.v%d+json"

// Accept is the value of the accept header of a discovery request: every version we read.
var Accept = func() string {
	types := make([]string, 0, MaxVersion)
	for v := MinVersion; v <= MaxVersion; v++ {
		types = append(types, fmt.Sprintf(contentTypeFormat, v))
	}
	return strings.Join(types, ", ")
}()

// Response is a deployment's answer to a discovery request, as far as the manifest is concerned.
type Response struct {
	ContentType string // header content-type
	Server      string // header x-restate-server, may be empty
	Body        []byte
}

// Decode reads and checks the manifest in r. A failure is always an *Error.
func Decode(r Response) (*Manifest, error) {
	if err := checkContentType(r.ContentType); err != nil {
		return nil, err
	}
	if len(r.Body) > MaxBytes {
		return nil, badResponse("the manifest has %d bytes, the limit is %d", len(r.Body), MaxBytes)
	}
	var w wireEndpoint
	if err := json.Unmarshal(r.Body, &w); err != nil {
		return nil, undecodable("decode the manifest: %v", err)
	}
	m := &Manifest{}
	if err := m.readEndpoint(&w, r.Server); err != nil {
		return nil, err
	}
	if len(*w.Services) > MaxServices {
		return nil, badResponse("the manifest has %d services, the limit is %d",
			len(*w.Services), MaxServices)
	}
	seen := make(map[string]bool, len(*w.Services))
	for i := range *w.Services {
		s, err := readService(&(*w.Services)[i])
		if err != nil {
			return nil, err
		}
		if seen[s.Name] {
			return nil, refused("the manifest lists service %q twice", s.Name)
		}
		seen[s.Name] = true
		m.Services = append(m.Services, s)
	}
	return m, nil
}

// checkContentType insists on the exact media types we asked for: a proxy's error page or a
// manifest with parameters we do not know must not be taken for a manifest.
func checkContentType(ct string) error {
	for v := MinVersion; v <= MaxVersion; v++ {
		if ct == fmt.Sprintf(contentTypeFormat, v) {
			return nil
		}
	}
	if ct == "" {
		return badResponse("the answer has no content-type; expected one of %s", Accept)
	}
	return badResponse("the answer has content-type %q; expected one of %s", ct, Accept)
}

func (m *Manifest) readEndpoint(w *wireEndpoint, server string) error {
	switch {
	case w.Services == nil:
		return undecodable("decode the manifest: the field services is missing")
	case w.Min == nil || w.Max == nil:
		return undecodable("decode the manifest: the protocol version range is missing")
	case w.Mode == nil:
		return badResponse("the field protocolMode is missing")
	case *w.Mode != BidiStream && *w.Mode != RequestResponse:
		return undecodable("decode the manifest: unknown protocolMode %q", *w.Mode)
	case *w.Min < 1 || *w.Min > math.MaxInt32 || *w.Max < 1 || *w.Max > math.MaxInt32:
		return badResponse("the protocol version range [%d, %d] leaves [1, %d]",
			*w.Min, *w.Max, math.MaxInt32)
	case *w.Min > *w.Max:
		return badResponse("the protocol version range [%d, %d] is empty", *w.Min, *w.Max)
	}
	if w.Compression != nil {
		if *w.Compression != "zstd" {
			return undecodable("decode the manifest: unknown lambdaCompression %q", *w.Compression)
		}
		m.LambdaCompression = *w.Compression
	}
	m.Mode = *w.Mode
	m.MinProtocolVersion, m.MaxProtocolVersion = uint32(*w.Min), uint32(*w.Max)
	if misstatesVersions(server) {
		// These releases claim a range that they do not speak.
		m.MinProtocolVersion, m.MaxProtocolVersion = 1, 1
	}
	if m.MaxProtocolVersion < MinProtocolVersion || m.MinProtocolVersion > MaxProtocolVersion {
		return &Error{Code: CodeProtocolMismatch, Message: fmt.Sprintf(
			"the deployment speaks service protocol versions [%d, %d], this server [%d, %d]: "+
				"use an SDK release that matches the server",
			m.MinProtocolVersion, m.MaxProtocolVersion, MinProtocolVersion, MaxProtocolVersion)}
	}
	return nil
}

func misstatesVersions(server string) bool {
	v, ok := strings.CutPrefix(server, "restate-sdk-typescript/")
	return ok && (strings.HasPrefix(v, "1.0.") || strings.HasPrefix(v, "1.1.") ||
		strings.HasPrefix(v, "1.2."))
}

var (
	serviceName = regexp.MustCompile(`^([a-zA-Z]|_[a-zA-Z0-9])[a-zA-Z0-9._-]*$`)
	handlerName = regexp.MustCompile(`^([a-zA-Z]|_[a-zA-Z0-9])[a-zA-Z0-9_]*$`)
)

var serviceKinds = map[string]protocol.ServiceKind{
	"SERVICE": protocol.KindService, "VIRTUAL_OBJECT": protocol.KindObject,
	"WORKFLOW": protocol.KindWorkflow,
}

func readService(w *wireService) (Service, error) {
	s := Service{
		Name: w.Name, Kind: serviceKinds[w.Type], Documentation: w.Documentation,
		Metadata: w.Metadata, Options: w.Options,
	}
	switch {
	case len(w.Name) > MaxNameBytes || !serviceName.MatchString(w.Name):
		return s, undecodable("decode the manifest: %q is not a service name (%s, at most %d bytes)",
			shorten(w.Name), serviceName, MaxNameBytes)
	case reserved(w.Name):
		return s, &Error{Code: CodeReservedName, Refused: true, Message: fmt.Sprintf(
			"the service name %q is reserved: it must not start with \"restate\" or be \"openapi\"",
			w.Name)}
	case s.Kind == 0:
		return s, undecodable("decode the manifest: service %q has the unknown type %q", w.Name, w.Type)
	}
	// It is not a field of services in any version: an unknown field, which is skipped.
	s.Options.WorkflowCompletionRetention = nil
	if len(w.Handlers) > MaxHandlers {
		return s, badResponse("service %q has %d handlers, the limit is %d",
			w.Name, len(w.Handlers), MaxHandlers)
	}
	if err := s.Options.check(); err != nil {
		return s, refused("service %q: %v", w.Name, err)
	}
	seen := make(map[string]bool, len(w.Handlers))
	for i := range w.Handlers {
		h, err := readHandler(&s, &w.Handlers[i])
		if err != nil {
			return s, err
		}
		if seen[h.Name] {
			return s, refused("service %q lists handler %q twice", s.Name, h.Name)
		}
		seen[h.Name] = true
		s.Handlers = append(s.Handlers, h)
	}
	return s, nil
}

func reserved(name string) bool {
	lower := strings.ToLower(name)
	return strings.HasPrefix(lower, "restate") || lower == "openapi"
}

func readHandler(s *Service, w *wireHandler) (Handler, error) {
	h := Handler{
		Name: w.Name, Documentation: w.Documentation, Metadata: w.Metadata, Options: w.Options,
		Input: w.Input.rules(), Output: w.Output.rules(),
	}
	if len(w.Name) > MaxNameBytes || !handlerName.MatchString(w.Name) {
		return h, undecodable("decode the manifest: %q is not a handler name (%s, at most %d bytes)",
			shorten(w.Name), handlerName, MaxNameBytes)
	}
	var err error
	if h.Kind, err = handlerKind(s.Kind, w.Type); err == nil {
		err = h.check()
	}
	if err != nil {
		return h, refused("handler %s/%s: %v", s.Name, h.Name, err)
	}
	return h, nil
}

func handlerKind(service protocol.ServiceKind, ty string) (protocol.HandlerKind, error) {
	switch {
	case service == protocol.KindService && ty == "":
		return protocol.HandlerPlain, nil
	case service == protocol.KindService && ty == "SHARED":
		// Handlers of services share everything anyway; some SDKs say so.
		return protocol.HandlerPlain, nil
	case service == protocol.KindObject && (ty == "" || ty == "EXCLUSIVE"):
		return protocol.HandlerExclusive, nil
	case service == protocol.KindWorkflow && (ty == "" || ty == "WORKFLOW"):
		return protocol.HandlerWorkflow, nil
	case service != protocol.KindService && ty == "SHARED":
		return protocol.HandlerShared, nil
	}
	return 0, fmt.Errorf("the handler type %q does not fit a %s", ty, service)
}

// check refuses options and rules that make no sense for the handler.
func (h *Handler) check() error {
	workflow := h.Kind == protocol.HandlerWorkflow
	switch {
	case workflow && h.Options.IdempotencyRetention != nil:
		return fmt.Errorf("idempotencyRetention is not allowed on a workflow's run handler: " +
			"set workflowCompletionRetention")
	case !workflow && h.Options.WorkflowCompletionRetention != nil:
		return fmt.Errorf("workflowCompletionRetention is only allowed on a workflow's run handler")
	case !isMediaRange(h.Input.ContentType):
		return fmt.Errorf("the input content type %q is not a media type", shorten(h.Input.ContentType))
	case !isHeaderValue(h.Output.ContentType):
		return fmt.Errorf("the output content type %q is not a header value",
			shorten(h.Output.ContentType))
	}
	if err := checkSchema(h.Input.JSONSchema); err != nil {
		return fmt.Errorf("input: %w", err)
	}
	if err := checkSchema(h.Output.JSONSchema); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	return h.Options.check()
}

func (o *Options) check() error {
	if f := o.RetryFactor; f != nil && (*f < 1 || *f > math.MaxFloat32) {
		return fmt.Errorf("retryPolicyExponentiationFactor %g must be at least 1 and finite", *f)
	}
	if p := o.OnMaxAttempts; p != nil && *p != Pause && *p != Kill {
		return fmt.Errorf("retryPolicyOnMaxAttempts %q is neither PAUSE nor KILL", *p)
	}
	return nil
}

// isMediaRange accepts "type/subtype" with optional parameters and wildcards, and nothing at all.
func isMediaRange(ct string) bool {
	if ct == "" {
		return true
	}
	media, _, _ := strings.Cut(ct, ";")
	kind, sub, ok := strings.Cut(strings.TrimSpace(media), "/")
	return ok && kind != "" && sub != "" && !(kind == "*" && sub != "*") && isHeaderValue(ct)
}

func isHeaderValue(s string) bool {
	if len(s) > maxContentTypeLength {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// checkSchema refuses a JSON schema with a reference to somewhere else: the server would have to
// fetch it when it validates a request.
func checkSchema(schema []byte) error {
	if schema == nil {
		return nil
	}
	var v any
	if err := json.Unmarshal(schema, &v); err != nil {
		return fmt.Errorf("decode the JSON schema: %w", err)
	}
	return checkRefs(v, false, 0)
}

var (
	// dataKeywords hold plain data, in which a "$ref" means nothing.
	dataKeywords = map[string]bool{
		"const": true, "default": true, "enum": true, "example": true, "examples": true,
	}
	// namedSchemas hold schemas under names of the user's choice, which are not keywords.
	namedSchemas = map[string]bool{
		"properties": true, "patternProperties": true, "dependentSchemas": true,
		"$defs": true, "definitions": true,
	}
)

// checkRefs walks a schema; names says that the keys of v are names, not keywords.
func checkRefs(v any, names bool, depth int) error {
	if depth > maxSchemaDepth {
		return fmt.Errorf("the JSON schema is nested deeper than %d", maxSchemaDepth)
	}
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if err := checkRefs(item, false, depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			ref, isText := v[key].(string)
			switch {
			case !names && dataKeywords[key]:
			case !names && isText && (key == "$ref" || key == "$dynamicRef"):
				if !strings.HasPrefix(ref, "#") {
					return fmt.Errorf("the JSON schema refers to %q outside itself: inline it", shorten(ref))
				}
			default:
				if err := checkRefs(v[key], !names && namedSchemas[key], depth+1); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// shorten keeps hostile texts out of error messages.
func shorten(s string) string {
	const limit = 80
	if len(s) > limit {
		return s[:limit] + "..."
	}
	return s
}
