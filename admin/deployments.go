package admin

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/perdure/perdure/invoker/endpoint"
	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
)

// arnParts is how many parts the ARN of a version of a Lambda function has.
const arnParts = 8

// deploymentBody is the body of POST and PATCH; nil fields were not sent.
type deploymentBody struct {
	URI               *string           `json:"uri"`
	UseHTTP11         *bool             `json:"use_http_11"`
	ARN               *string           `json:"arn"`
	AssumeRoleARN     *string           `json:"assume_role_arn"`
	AdditionalHeaders map[string]string `json:"additional_headers"`
	Metadata          map[string]string `json:"metadata"`
	Auth              *authBody         `json:"auth"`
	Force             *bool             `json:"force"`
	Breaking          bool              `json:"breaking"`
	DryRun            bool              `json:"dry_run"`
	Overwrite         bool              `json:"overwrite"`
}

// authBody is how the server is to prove to the deployment who it is.
type authBody struct {
	GoogleIDToken *struct {
		Audience                  *string `json:"audience"`
		ImpersonateServiceAccount *string `json:"impersonate_service_account"`
	} `json:"GoogleIdToken"`
}

// tokenHeader carries the server's identity token; nobody else may set it.
const tokenHeader = "X-Serverless-Authorization"

// check brings the body's fields into their stored form.
func (b *deploymentBody) check() error {
	for name, value := range b.AdditionalHeaders {
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return wrongShape(fmt.Sprintf("additional_headers: %q is not a valid header", name))
		}
	}
	if err := b.checkAuth(); err != nil {
		return err
	}
	if b.URI != nil {
		uri, err := schema.NormalizeURI(*b.URI)
		var relative *schema.RelativeURIError
		switch {
		case errors.As(err, &relative):
			return invalidField("uri", err.Error())
		case err != nil:
			return wrongShape("uri: " + err.Error())
		}
		b.URI, b.ARN, b.AssumeRoleARN = &uri, nil, nil
	}
	if b.ARN != nil {
		return checkARN(*b.ARN)
	}
	return nil
}

func (b *deploymentBody) checkAuth() error {
	if b.Auth == nil {
		return nil
	}
	if b.Auth.GoogleIDToken == nil {
		return wrongShape("auth: GoogleIdToken is the only kind that is known")
	}
	for name := range b.AdditionalHeaders {
		if strings.EqualFold(name, tokenHeader) {
			return invalidField("additional_headers", tokenHeader+
				" cannot be set together with auth, which puts its identity token there: remove one of both")
		}
	}
	return invalidField("auth", "this server sends no identity tokens of cloud providers; "+
		"remove the field, or put a token into additional_headers")
}

// checkARN wants the ARN of one version of a Lambda function.
func checkARN(arn string) error {
	parts := strings.Split(arn, ":")
	switch {
	case parts[0] != "arn":
		return invalidField("arn", "A qualified ARN must have 8 components delimited by `:`")
	case len(parts) == arnParts-1:
		return invalidField("arn", "A qualified ARN needs a version or alias suffix; $LATEST is the "+
			"unpublished version, and has to be quoted in a shell")
	case len(parts) != arnParts:
		return invalidField("arn", "A qualified ARN must have 8 components delimited by `:`")
	}
	return nil
}

// headers are the additional headers, by name.
func (b *deploymentBody) headers() []protocol.KeyValue {
	list := make([]protocol.KeyValue, 0, len(b.AdditionalHeaders))
	for _, name := range slices.Sorted(maps.Keys(b.AdditionalHeaders)) {
		list = append(list, protocol.KeyValue{Key: strings.ToLower(name), Value: b.AdditionalHeaders[name]})
	}
	return list
}

func (b *deploymentBody) http11() bool { return b.UseHTTP11 != nil && *b.UseHTTP11 }

func (h *Handler) listDeployments(*request) (*response, error) {
	list := []deploymentView{}
	for _, d := range h.registry.Current().Deployments() {
		list = append(list, describeDeployment(d, serviceRefs(d)))
	}
	return jsonResponse(http.StatusOK, map[string]any{"deployments": list})
}

func (h *Handler) getDeployment(r *request) (*response, error) {
	id, err := r.deploymentID()
	if err != nil {
		return nil, err
	}
	s := h.registry.Current()
	d, ok := s.Deployment(id)
	if !ok {
		return nil, &schema.DeploymentNotFoundError{ID: id}
	}
	return detailed(s, d)
}

func detailed(s *schema.Schema, d *schema.Deployment) (*response, error) {
	return jsonResponse(http.StatusOK, describeDeployment(d, describeServices(s, d.ServicesAt())))
}

// deploymentID reads the ID out of the path.
func (r *request) deploymentID() (protocol.DeploymentID, error) {
	id, err := protocol.ParseDeploymentID(r.params["deployment"])
	if err != nil {
		return id, &plainError{http.StatusBadRequest, fmt.Sprintf(
			"Invalid URL: Cannot parse `deployment` with value `%s`: bad format", r.params["deployment"])}
	}
	return id, nil
}

func (h *Handler) registerDeployment(r *request) (*response, error) {
	var body deploymentBody
	if err := readJSON(r, &body); err != nil {
		return nil, err
	}
	if body.URI == nil && body.ARN == nil {
		return nil, wrongShape("one of the fields uri and arn is required")
	}
	if err := body.check(); err != nil {
		return nil, err
	}
	address := schema.Address{Kind: schema.DeploymentHTTP, AdditionalHeaders: body.headers()}
	if body.URI != nil {
		address.URI = *body.URI
	} else {
		address.Kind, address.ARN = schema.DeploymentLambda, *body.ARN
		if body.AssumeRoleARN != nil {
			address.AssumeRoleARN = *body.AssumeRoleARN
		}
	}
	force := r.apiVersion == 2
	if body.Force != nil {
		force = *body.Force
	}
	s := h.registry.Current()
	if d, exists := s.FindByAddress(address, h.cfg.RoutingHeaders); exists && !force {
		if r.apiVersion == 2 {
			return nil, failed(http.StatusConflict, "Conflict: deployment %s already exists", d.ID)
		}
		return registered(http.StatusOK, s, d)
	}
	return h.registerNew(r, address, &body, force)
}

// registerNew discovers the deployment and stores what it found.
func (h *Handler) registerNew(
	r *request, a schema.Address, body *deploymentBody, force bool,
) (*response, error) {
	found, err := h.discover(r.Context(), a, body.http11())
	if err != nil {
		return nil, err
	}
	if a.Kind == schema.DeploymentHTTP {
		a.HTTPVersion = found.httpVersion
	}
	registration := schema.Registration{
		Address: a, Manifest: found.manifest, SDKVersion: found.sdkVersion, Metadata: body.Metadata,
		ID: h.newULID(), Now: h.clock.Now(), RoutingHeaders: h.cfg.RoutingHeaders,
		Force: force, Breaking: body.Breaking,
	}
	var d *schema.Deployment
	created := false
	change := func(s *schema.Schema) (next *schema.Schema, err error) {
		next, d, created, err = s.Register(registration)
		return next, err
	}
	s, err := h.change(r, body.DryRun, change)
	if err != nil {
		return nil, err
	}
	status := http.StatusOK
	if created || r.apiVersion == 2 {
		status = http.StatusCreated
	}
	return registered(status, s, d)
}

// change stores what f makes of the schema, or only tries f.
func (h *Handler) change(
	r *request, dryRun bool, f func(*schema.Schema) (*schema.Schema, error),
) (*schema.Schema, error) {
	if dryRun {
		return f(h.registry.Current())
	}
	return h.registry.Update(r.Context(), f)
}

func registered(status int, s *schema.Schema, d *schema.Deployment) (*response, error) {
	resp, err := jsonResponse(status, struct {
		ID         string        `json:"id"`
		Services   []serviceView `json:"services"`
		Min        uint32        `json:"min_protocol_version"`
		Max        uint32        `json:"max_protocol_version"`
		SDKVersion string        `json:"sdk_version,omitempty"`
	}{
		d.ID.String(), describeServices(s, d.ServicesAt()), d.MinProtocolVersion, d.MaxProtocolVersion,
		d.SDKVersion,
	})
	if err != nil {
		return nil, err
	}
	resp.header = [2]string{"Location", "deployments/" + d.ID.String()}
	return resp, nil
}

func (h *Handler) putDeployment(r *request) (*response, error) {
	if r.apiVersion == 2 {
		return h.patchDeployment(r)
	}
	if _, err := r.deploymentID(); err != nil {
		return nil, err
	}
	var body deploymentBody
	if err := readJSON(r, &body); err != nil {
		return nil, err
	}
	return nil, failed(http.StatusMethodNotAllowed, "PUT deployment is deprecated, use PATCH instead")
}

func (h *Handler) patchDeployment(r *request) (*response, error) {
	id, err := r.deploymentID()
	if err != nil {
		return nil, err
	}
	var body deploymentBody
	if err := readJSON(r, &body); err != nil {
		return nil, err
	}
	if err := body.check(); err != nil {
		return nil, err
	}
	d, ok := h.registry.Current().Deployment(id)
	if !ok {
		return nil, &schema.DeploymentNotFoundError{ID: id}
	}
	patch, err := h.deploymentPatch(r, d, &body)
	if err != nil {
		return nil, err
	}
	change := func(s *schema.Schema) (next *schema.Schema, err error) {
		next, d, err = s.PatchDeployment(id, patch)
		return next, err
	}
	s, err := h.change(r, body.DryRun, change)
	if err != nil {
		return nil, err
	}
	return detailed(s, d)
}

// deploymentPatch reads the wanted changes. Whatever changes how the deployment is reached is tried
// by asking it what it offers.
func (h *Handler) deploymentPatch(
	r *request, d *schema.Deployment, body *deploymentBody,
) (schema.DeploymentPatch, error) {
	p := schema.DeploymentPatch{
		URI: body.URI, ARN: body.ARN, AssumeRoleARN: body.AssumeRoleARN, Overwrite: body.Overwrite,
	}
	switch {
	case d.Kind == schema.DeploymentLambda && (body.URI != nil || body.UseHTTP11 != nil):
		return p, invalidField("uri", "the deployment is a Lambda function: only its arn can change")
	case d.Kind == schema.DeploymentHTTP && (body.ARN != nil || body.AssumeRoleARN != nil):
		return p, invalidField("arn", "the deployment is reached over HTTP: only its uri can change")
	}
	if body.AdditionalHeaders != nil {
		headers := body.headers()
		p.AdditionalHeaders = &headers
	}
	if body.UseHTTP11 != nil {
		version := endpoint.HTTP2
		if *body.UseHTTP11 {
			version = endpoint.HTTP11
		}
		p.HTTPVersion = &version
	}
	if p == (schema.DeploymentPatch{}) {
		return p, nil
	}
	address := p.Address(d)
	found, err := h.discover(r.Context(), address, address.HTTPVersion == endpoint.HTTP11)
	if err != nil {
		return p, err
	}
	p.Manifest, p.SDKVersion = found.manifest, found.sdkVersion
	if d.Kind == schema.DeploymentHTTP {
		p.HTTPVersion = &found.httpVersion
	}
	return p, nil
}

func (h *Handler) deleteDeployment(r *request) (*response, error) {
	id, err := r.deploymentID()
	if err != nil {
		return nil, err
	}
	force := false
	if text := r.URL.Query().Get("force"); text != "" {
		if force, err = strconv.ParseBool(text); err != nil {
			return nil, badQuery("force", "expected true or false")
		}
	}
	if !force {
		// Only a forced deletion exists: nobody waits for invocations to finish.
		return &response{status: http.StatusNotImplemented}, nil
	}
	_, err = h.registry.Update(r.Context(), func(s *schema.Schema) (*schema.Schema, error) {
		return s.DeleteDeployment(id)
	})
	var missing *schema.DeploymentNotFoundError
	if errors.As(err, &missing) {
		return nil, failed(http.StatusNotFound,
			"not found in the schema registry: deployment with id '%s'", id)
	}
	if err != nil {
		return nil, err
	}
	return &response{status: http.StatusAccepted}, nil
}
