package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/perdure/perdure/invoker/endpoint"
	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol/discovery"
)

// discovered is what a deployment said about itself.
type discovered struct {
	manifest    *discovery.Manifest
	httpVersion string
	sdkVersion  string
}

// discover asks the deployment at an address what it offers.
func (h *Handler) discover(ctx context.Context, a schema.Address, useHTTP11 bool) (discovered, error) {
	raw, err := h.ask(ctx, a, useHTTP11)
	if err != nil {
		return discovered{}, discoveryFailed(err)
	}
	m, err := discovery.Decode(discovery.Response{
		ContentType: raw.ContentType, Server: raw.ServerHeader, Body: raw.Body})
	if err == nil {
		err = m.CheckTransport(a.Kind == schema.DeploymentHTTP)
	}
	if err != nil {
		return discovered{}, discoveryFailed(err)
	}
	return discovered{m, raw.HTTPVersion, raw.ServerHeader}, nil
}

func (h *Handler) ask(
	ctx context.Context, a schema.Address, useHTTP11 bool,
) (endpoint.RawManifest, error) {
	if a.Kind == schema.DeploymentHTTP {
		return h.discoverer.Discover(ctx, a.URI, a.AdditionalHeaders, useHTTP11)
	}
	lambda, ok := h.discoverer.(LambdaDiscoverer)
	if !ok {
		return endpoint.RawManifest{}, &endpoint.DiscoverError{Code: discovery.CodeUnreachable,
			Err: fmt.Errorf("reach %s: this server has no AWS client: use an HTTP address", a.ARN)}
	}
	return lambda.DiscoverLambda(ctx, a.ARN, a.AssumeRoleARN, a.AdditionalHeaders)
}

// discoveryFailed gives a failure its status and code. The message carries the code too, as error
// texts do everywhere, and once more in front, which clients have come to expect.
func discoveryFailed(err error) error {
	var unreachable *endpoint.DiscoverError
	var manifest *discovery.Error
	code := ""
	switch {
	case errors.As(err, &manifest) && manifest.Refused:
		return &apiError{http.StatusBadRequest, manifest.Code, manifest.Error()}
	case errors.As(err, &manifest):
		code = manifest.Code
	case errors.As(err, &unreachable):
		code = unreachable.Code
	}
	message := err.Error()
	if code != "" {
		message = "[" + code + "] " + message
	}
	if code == discovery.CodeHTTP1Only {
		message += " (on the command line: --use-http1.1)"
	}
	return &apiError{http.StatusInternalServerError, code, message}
}
