package schema

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/perdure/perdure/protocol"
)

// Schema is one state of everything registered.
type Schema struct {
	defaults    Defaults
	deployments map[protocol.DeploymentID]*Deployment
	// active says which deployment has the newest revision of each service.
	active map[string]protocol.DeploymentID
	// resolved holds every handler of every deployment with its options settled.
	resolved map[handlerKey]*Resolved
}

type handlerKey struct {
	deployment protocol.DeploymentID
	service    string
	handler    string
}

// Empty is the schema in which nothing is registered.
func Empty(defaults Defaults) *Schema {
	return build(defaults, map[protocol.DeploymentID]*Deployment{}, map[string]protocol.DeploymentID{})
}

// build makes a Schema of its parts, which must not change afterwards.
func build(
	d Defaults, deployments map[protocol.DeploymentID]*Deployment, active map[string]protocol.DeploymentID,
) *Schema {
	s := &Schema{
		defaults: d, deployments: deployments, active: active, resolved: map[handlerKey]*Resolved{},
	}
	for id, dep := range deployments {
		for _, svc := range dep.Services {
			for _, h := range svc.Handlers {
				s.resolved[handlerKey{id, svc.Name, h.Name}] = d.resolve(dep, svc, h)
			}
		}
	}
	return s
}

// NotFoundError says that a service or one of its handlers is not registered. Handler is empty when
// the service itself is missing.
type NotFoundError struct{ Service, Handler string }

// Error says what is missing and what to do.
func (e *NotFoundError) Error() string {
	if e.Handler == "" {
		return fmt.Sprintf("service '%s' not found: register the deployment that offers it", e.Service)
	}
	return fmt.Sprintf("handler '%s/%s' not found: the newest revision of the service has no such handler",
		e.Service, e.Handler)
}

// DeploymentNotFoundError says that a deployment is not registered (any more).
type DeploymentNotFoundError struct{ ID protocol.DeploymentID }

// Error says what is missing.
func (e *DeploymentNotFoundError) Error() string {
	return fmt.Sprintf("deployment %s not found", e.ID)
}

// Resolve finds a handler of a service's newest revision: the one new calls go to. The error is a
// *NotFoundError.
func (s *Schema) Resolve(service, handler string) (*Resolved, error) {
	id, ok := s.active[service]
	if !ok {
		return nil, &NotFoundError{Service: service}
	}
	if r := s.resolved[handlerKey{id, service, handler}]; r != nil {
		return r, nil
	}
	return nil, &NotFoundError{Service: service, Handler: handler}
}

// ResolveAt finds a handler as a given deployment offers it, for calls that are pinned to it. The
// error is a *DeploymentNotFoundError or a *NotFoundError.
func (s *Schema) ResolveAt(id protocol.DeploymentID, service, handler string) (*Resolved, error) {
	dep, ok := s.deployments[id]
	if !ok {
		return nil, &DeploymentNotFoundError{ID: id}
	}
	if r := s.resolved[handlerKey{id, service, handler}]; r != nil {
		return r, nil
	}
	if dep.Services[service] == nil {
		return nil, &NotFoundError{Service: service}
	}
	return nil, &NotFoundError{Service: service, Handler: handler}
}

// Deployment finds a deployment. It must not be changed.
func (s *Schema) Deployment(id protocol.DeploymentID) (*Deployment, bool) {
	d, ok := s.deployments[id]
	return d, ok
}

// Deployments are all deployments, oldest first.
func (s *Schema) Deployments() []*Deployment {
	return slices.SortedFunc(maps.Values(s.deployments), func(a, b *Deployment) int {
		return bytes.Compare(a.ID[:], b.ID[:])
	})
}

// Service finds the newest revision of a service. It must not be changed.
func (s *Schema) Service(name string) (*Service, bool) {
	id, ok := s.active[name]
	if !ok {
		return nil, false
	}
	return s.deployments[id].Services[name], true
}

// Services are the newest revisions of all services, by name.
func (s *Schema) Services() []*Service {
	list := make([]*Service, 0, len(s.active))
	for _, name := range slices.Sorted(maps.Keys(s.active)) {
		list = append(list, s.deployments[s.active[name]].Services[name])
	}
	return list
}

// ServicesAt are the services as one deployment offers them, by name.
func (d *Deployment) ServicesAt() []*Service {
	list := make([]*Service, 0, len(d.Services))
	for _, name := range slices.Sorted(maps.Keys(d.Services)) {
		list = append(list, d.Services[name])
	}
	return list
}

// HandlerList are the handlers of the service, by name.
func (s *Service) HandlerList() []*Handler {
	list := make([]*Handler, 0, len(s.Handlers))
	for _, name := range slices.Sorted(maps.Keys(s.Handlers)) {
		list = append(list, s.Handlers[name])
	}
	return list
}

// Defaults are the server's own options and ceilings.
func (s *Schema) Defaults() Defaults { return s.defaults }
