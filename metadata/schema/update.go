package schema

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/discovery"
)

// MaxDeployments bounds a schema. Its encoded form must also fit one metadata value.
const MaxDeployments = 16384

// Codes of refused changes.
const (
	CodeTypeChanged     = "META0006" // a service would change its type
	CodeProtocolChanged = "META0016" // a deployment would change the protocol versions it speaks
)

// RefusedError says that a change of the schema is not allowed.
type RefusedError struct {
	Code    string // may be empty
	Message string
	// Conflict: the change is fine in itself but clashes with what is registered.
	Conflict bool
}

// Error prints the message.
func (e *RefusedError) Error() string { return e.Message }

// Address is how a deployment is reached.
type Address struct {
	Kind              DeploymentKind
	URI               string // DeploymentHTTP; see NormalizeURI
	HTTPVersion       string // DeploymentHTTP: what discovery settled on
	ARN               string // DeploymentLambda
	AssumeRoleARN     string // DeploymentLambda, may be empty
	AdditionalHeaders []protocol.KeyValue
}

// Registration is a discovered deployment to be registered.
type Registration struct {
	Address
	Manifest   *discovery.Manifest
	SDKVersion string
	Metadata   map[string]string
	// ID is taken by a new deployment.
	ID  protocol.DeploymentID
	Now time.Time
	// RoutingHeaders are the names of headers that tell deployments with one address apart.
	RoutingHeaders []string
	// Force replaces an existing deployment with the same identity and lets services change type.
	Force bool
	// Breaking lets services change type.
	Breaking bool
}

// RelativeURIError says that an address lacks scheme and host.
type RelativeURIError struct{ URI string }

// Error says what is wrong in the words that clients know.
func (e *RelativeURIError) Error() string {
	return fmt.Sprintf("The provided uri %s is not absolute, only absolute URIs can be used.", e.URI)
}

// NormalizeURI brings the base address of an HTTP deployment into the form that is stored: scheme
// and host in lower case, at least "/" as path, nothing after the path.
func NormalizeURI(uri string) (string, error) {
	u, err := url.Parse(uri)
	switch {
	case err != nil:
		return "", fmt.Errorf("parse the address: %w", err)
	case u.Scheme == "" && u.Host == "" && uri != "", u.Opaque != "": // a path, or host:port
		return "", &RelativeURIError{URI: uri}
	case u.Scheme == "" || u.Host == "":
		return "", fmt.Errorf("the address %q has no host: write http://host:port", uri)
	case u.Scheme != "http" && u.Scheme != "https":
		return "", fmt.Errorf("the address %q has the scheme %q: use http or https", uri, u.Scheme)
	case u.User != nil:
		return "", fmt.Errorf("the address has a user or password: use additional_headers")
	case u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("the address %q has a query or fragment: remove it", uri)
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return u.Scheme + "://" + strings.ToLower(u.Host) + path, nil
}

// identity is equal for two addresses exactly if they are the same deployment: the ARN, or
// authority, path and the values of the routing headers.
func (a *Address) identity(routingHeaders []string) string {
	if a.Kind == DeploymentLambda {
		return "lambda " + a.ARN
	}
	_, rest, _ := strings.Cut(a.URI, "://")
	id := "http " + rest
	for _, name := range slices.Sorted(slices.Values(routingHeaders)) {
		for _, h := range a.AdditionalHeaders {
			if strings.EqualFold(h.Key, name) {
				id += fmt.Sprintf("\n%s=%q", strings.ToLower(name), h.Value)
			}
		}
	}
	return id
}

func (d *Deployment) address() Address {
	return Address{d.Kind, d.URI, d.HTTPVersion, d.ARN, d.AssumeRoleARN, d.AdditionalHeaders}
}

// FindByAddress finds the deployment with the same identity.
func (s *Schema) FindByAddress(a Address, routingHeaders []string) (*Deployment, bool) {
	want := a.identity(routingHeaders)
	for _, d := range s.Deployments() {
		if have := d.address(); have.identity(routingHeaders) == want {
			return d, true
		}
	}
	return nil, false
}

// Register adds a deployment. Its services become the newest revisions. If one with the same
// identity exists, nothing changes and that one is returned, unless Force is set: then it keeps its
// ID and everything else is replaced. The error is a *RefusedError.
func (s *Schema) Register(r Registration) (next *Schema, d *Deployment, created bool, err error) {
	old, exists := s.FindByAddress(r.Address, r.RoutingHeaders)
	if exists && !r.Force {
		return s, old, false, nil
	}
	if !exists && len(s.deployments) >= MaxDeployments {
		return nil, nil, false, &RefusedError{Conflict: true, Message: fmt.Sprintf(
			"%d deployments are registered, the limit: delete deployments that are drained", MaxDeployments)}
	}
	d = &Deployment{ID: r.ID, Metadata: maps.Clone(r.Metadata), CreatedAt: r.Now.UTC()}
	if exists {
		d.ID = old.ID
	}
	d.setAddress(r.Address)
	d.setManifest(r.Manifest, r.SDKVersion)
	next, err = s.withServices(d, r.Manifest, r.Force || r.Breaking, nil)
	if err != nil {
		return nil, nil, false, err
	}
	return next, d, !exists, nil
}

func (d *Deployment) setAddress(a Address) {
	d.Kind, d.URI, d.HTTPVersion, d.ARN, d.AssumeRoleARN =
		a.Kind, a.URI, a.HTTPVersion, a.ARN, a.AssumeRoleARN
	d.AdditionalHeaders = slices.Clone(a.AdditionalHeaders)
}

func (d *Deployment) setManifest(m *discovery.Manifest, sdkVersion string) {
	d.Mode = ProtocolMode(m.Mode)
	d.MinProtocolVersion, d.MaxProtocolVersion = m.MinProtocolVersion, m.MaxProtocolVersion
	d.SDKVersion = sdkVersion
	d.Compression = ""
	if d.Kind == DeploymentLambda {
		d.Compression = m.LambdaCompression
	}
}

// withServices gives d the services of the manifest and puts it in place. They are new revisions,
// except those among keep, which keep theirs.
func (s *Schema) withServices(
	d *Deployment, m *discovery.Manifest, typeChange bool, keep map[string]*Service,
) (*Schema, error) {
	d.Services = make(map[string]*Service, len(m.Services))
	active := maps.Clone(s.active)
	// What the deployment offered before and does not offer any more is gone.
	maps.DeleteFunc(active, func(_ string, id protocol.DeploymentID) bool { return id == d.ID })
	for i := range m.Services {
		svc := newService(&m.Services[i])
		if old, ok := s.Service(svc.Name); ok && old.Kind != svc.Kind && !typeChange {
			return nil, &RefusedError{Code: CodeTypeChanged, Conflict: true, Message: fmt.Sprintf(
				"["+CodeTypeChanged+"] service '%s' would change its type from %s to %s: keep the type, use another name, "+
					"or allow it with 'breaking'", svc.Name, kindName(old.Kind), kindName(svc.Kind))}
		}
		svc.Deployment, svc.Revision = d.ID, s.lastRevision(svc.Name)+1
		d.Services[svc.Name] = svc
		if old := keep[svc.Name]; old != nil {
			svc.Revision = old.Revision
			if s.active[svc.Name] != d.ID {
				continue // another deployment has a newer revision
			}
		}
		active[svc.Name] = d.ID
	}
	return build(s.defaults, s.deploymentsWith(d), active), nil
}

func (s *Schema) deploymentsWith(d *Deployment) map[protocol.DeploymentID]*Deployment {
	all := maps.Clone(s.deployments)
	all[d.ID] = d
	return all
}

// lastRevision is the highest revision of a service that any deployment has.
func (s *Schema) lastRevision(service string) uint32 {
	var last uint32
	for _, d := range s.deployments {
		if svc := d.Services[service]; svc != nil {
			last = max(last, svc.Revision)
		}
	}
	return last
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

// DeploymentPatch changes how a deployment is reached, and with a manifest also what it offers. Nil
// fields stay.
type DeploymentPatch struct {
	URI               *string // normalized
	HTTPVersion       *string
	ARN               *string
	AssumeRoleARN     *string
	AdditionalHeaders *[]protocol.KeyValue
	// Manifest, if set, is what the deployment offers at its new address; it must have the same
	// protocol version range, because invocations are pinned to it.
	Manifest   *discovery.Manifest
	SDKVersion string
	// Overwrite replaces the services by those of the manifest.
	Overwrite bool
}

// Address is the deployment's address after the patch.
func (p *DeploymentPatch) Address(d *Deployment) Address {
	a := d.address()
	set(&a.URI, p.URI)
	set(&a.HTTPVersion, p.HTTPVersion)
	set(&a.ARN, p.ARN)
	set(&a.AssumeRoleARN, p.AssumeRoleARN)
	set(&a.AdditionalHeaders, p.AdditionalHeaders)
	return a
}

func set[T any](dst *T, v *T) {
	if v != nil {
		*dst = *v
	}
}

// PatchDeployment changes a deployment in place. Its new address may be one that another deployment
// has: calls that are pinned to the old code go on with the new code that way. Errors are *DeploymentNotFoundError or
// *RefusedError.
func (s *Schema) PatchDeployment(
	id protocol.DeploymentID, p DeploymentPatch,
) (*Schema, *Deployment, error) {
	old, ok := s.deployments[id]
	if !ok {
		return nil, nil, &DeploymentNotFoundError{ID: id}
	}
	d := *old
	d.setAddress(p.Address(old))
	if p.Manifest == nil {
		return build(s.defaults, s.deploymentsWith(&d), s.active), &d, nil
	}
	if m := p.Manifest; m.MinProtocolVersion != old.MinProtocolVersion ||
		m.MaxProtocolVersion != old.MaxProtocolVersion {
		return nil, nil, &RefusedError{Code: CodeProtocolChanged, Message: fmt.Sprintf(
			"["+CodeProtocolChanged+"] the deployment speaks service protocol versions [%d, %d] now, [%d, %d] when it was "+
				"registered: register it under a new address", m.MinProtocolVersion,
			m.MaxProtocolVersion, old.MinProtocolVersion, old.MaxProtocolVersion)}
	}
	d.setManifest(p.Manifest, p.SDKVersion)
	if !p.Overwrite {
		return build(s.defaults, s.deploymentsWith(&d), s.active), &d, nil
	}
	next, err := s.withServices(&d, p.Manifest, true, old.Services)
	if err != nil {
		return nil, nil, err
	}
	return next, &d, nil
}

// DeleteDeployment removes a deployment. Services whose newest revision it has are gone for new
// calls; calls pinned to it cannot go on. The error is a *DeploymentNotFoundError.
func (s *Schema) DeleteDeployment(id protocol.DeploymentID) (*Schema, error) {
	if _, ok := s.deployments[id]; !ok {
		return nil, &DeploymentNotFoundError{ID: id}
	}
	deployments, active := maps.Clone(s.deployments), maps.Clone(s.active)
	delete(deployments, id)
	maps.DeleteFunc(active, func(_ string, at protocol.DeploymentID) bool { return at == id })
	return build(s.defaults, deployments, active), nil
}

// ServicePatch changes options of a service's newest revision until its next discovery. Nil fields
// stay.
type ServicePatch struct {
	Public                      *bool
	IdempotencyRetention        *time.Duration
	WorkflowCompletionRetention *time.Duration
	JournalRetention            *time.Duration
	InactivityTimeout           *time.Duration
	AbortTimeout                *time.Duration
}

// PatchService changes options of a service. Errors are *NotFoundError or *RefusedError.
func (s *Schema) PatchService(name string, p ServicePatch) (*Schema, *Service, error) {
	old, ok := s.Service(name)
	if !ok {
		return nil, nil, &NotFoundError{Service: name}
	}
	if p.WorkflowCompletionRetention != nil && old.Kind != protocol.KindWorkflow {
		return nil, nil, &RefusedError{Message: fmt.Sprintf(
			"modifying retention time for service type %s is unsupported", kindName(old.Kind))}
	}
	svc := *old
	o := &svc.Options
	override(&o.Public, p.Public)
	override(&o.IdempotencyRetention, p.IdempotencyRetention)
	override(&o.WorkflowCompletionRetention, p.WorkflowCompletionRetention)
	override(&o.JournalRetention, p.JournalRetention)
	override(&o.InactivityTimeout, p.InactivityTimeout)
	override(&o.AbortTimeout, p.AbortTimeout)
	d := *s.deployments[svc.Deployment]
	d.Services = maps.Clone(d.Services)
	d.Services[name] = &svc
	return build(s.defaults, s.deploymentsWith(&d), s.active), &svc, nil
}

// override replaces a pointer, so that the old Options keep their value.
func override[T any](dst **T, v *T) {
	if v != nil {
		c := *v
		*dst = &c
	}
}
