package admin

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
)

// object is a JSON object whose keys come out sorted.
type object = map[string]any

const openAPIVersion = "3.1.0"

// openAPI describes this interface, from the routes themselves.
func (h *Handler) openAPI(*request) (*response, error) {
	paths := object{}
	for i := range h.routes {
		rt := &h.routes[i]
		if rt.segments[0] == "internal" || rt.method == http.MethodPut {
			continue // for the console only, and deprecated
		}
		path := "/" + strings.Join(rt.segments, "/")
		item, _ := paths[path].(object)
		if item == nil {
			item = object{}
			paths[path] = item
		}
		item[strings.ToLower(rt.method)] = describeRoute(rt)
	}
	return jsonResponse(http.StatusOK, object{
		"openapi": openAPIVersion,
		"info":    object{"title": "Admin API", "version": h.cfg.Version},
		"paths":   paths,
		"components": object{"schemas": object{"ErrorDescription": object{
			"type": "object", "required": []string{"message"},
			"properties": object{
				"message":      object{"type": "string"},
				"restate_code": object{"type": []string{"string", "null"}},
			},
		}}},
	})
}

func describeRoute(rt *route) object {
	params := []any{}
	for _, s := range rt.segments {
		if name := strings.Trim(s, "{}"); name != s {
			params = append(params, object{
				"name": name, "in": "path", "required": true, "schema": object{"type": "string"}})
		}
	}
	problem := object{"application/json": object{
		"schema": object{"$ref": "#/components/schemas/ErrorDescription"}}}
	op := object{
		"operationId": strings.ToLower(rt.method) + "_" +
			strings.NewReplacer("{", "", "}", "", "-", "_").Replace(strings.Join(rt.segments, "_")),
		"responses": object{
			"2XX": object{"description": "Success"},
			"4XX": object{"description": "The request was refused", "content": problem},
			"5XX": object{"description": "The request could not be served", "content": problem},
		},
	}
	if len(params) > 0 {
		op["parameters"] = params
	}
	last := rt.segments[len(rt.segments)-1]
	if rt.method == http.MethodPost || rt.method == http.MethodPatch && operations[last].command == nil {
		op["requestBody"] = object{"required": true, "content": object{
			"application/json": object{"schema": object{"type": "object"}}}}
	}
	return op
}

// serviceOpenAPI describes how callers reach one service through the ingress.
func (h *Handler) serviceOpenAPI(r *request) (*response, error) {
	_, svc, err := h.service(r)
	if err != nil {
		return nil, err
	}
	paths := object{}
	for _, handler := range svc.HandlerList() {
		target := "/" + svc.Name
		if svc.Kind != protocol.KindService {
			target += "/{key}"
		}
		target += "/" + handler.Name
		paths["/restate/call"+target] = object{"post": describeCall(svc, handler, "call")}
		paths["/restate/send"+target] = object{"post": describeCall(svc, handler, "send")}
	}
	doc := object{
		"openapi": openAPIVersion,
		"info":    object{"title": svc.Name, "version": "1.0.0", "description": svc.Documentation},
		"paths":   paths,
	}
	if h.cfg.IngressEndpoint != "" {
		doc["servers"] = []any{object{"url": h.cfg.IngressEndpoint}}
	}
	return jsonResponse(http.StatusOK, doc)
}

// describeCall describes a call that waits for the result, or one that is only sent.
func describeCall(svc *schema.Service, h *schema.Handler, verb string) object {
	params := []any{}
	if svc.Kind != protocol.KindService {
		params = append(params, object{
			"name": "key", "in": "path", "required": true, "schema": object{"type": "string"}})
	}
	if verb == "send" {
		params = append(params, object{"name": "delay", "in": "query", "schema": object{"type": "string"}})
	}
	if h.Kind != protocol.HandlerWorkflow {
		params = append(params, object{
			"name": "idempotency-key", "in": "header", "schema": object{"type": "string"}})
	}
	op := object{
		"operationId": svc.Name + "_" + h.Name + "_" + verb, "parameters": params,
		"description": h.Documentation, "tags": []string{svc.Name},
	}
	if !h.Input.EmptyOnly {
		op["requestBody"] = object{
			"required": h.Input.Required, "content": media(h.Input.ContentType, h.Input.JSONSchema)}
	}
	if verb == "send" {
		op["responses"] = object{"202": object{"description": "Accepted", "content": media(
			"application/json", json.RawMessage(`{"type":"object","properties":`+
				`{"invocationId":{"type":"string"},"status":{"type":"string"}}}`))}}
		return op
	}
	ok := object{"description": "The handler's result"}
	if h.Output.ContentType != "" {
		ok["content"] = media(h.Output.ContentType, h.Output.JSONSchema)
	}
	op["responses"] = object{"200": ok, "default": object{"description": "The call failed"}}
	return op
}

func media(contentType string, schema json.RawMessage) object {
	if schema == nil {
		return object{contentType: object{}}
	}
	return object{contentType: object{"schema": schema}}
}
