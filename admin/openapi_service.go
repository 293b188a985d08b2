package admin

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"

	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
)

// Tags of the document of a service.
const (
	tagCall   = "Request Response"
	tagSend   = "Send"
	tagAttach = "Attach"
	tagOutput = "Get Output"
)

// serviceOpenAPI describes how callers reach one service through the ingress. Handlers that the
// ingress does not serve are left out.
func (h *Handler) serviceOpenAPI(r *request) (*response, error) {
	s, svc, err := h.service(r)
	if err != nil {
		return nil, err
	}
	d := serviceDoc{service: svc, paths: object{}, schemas: object{"RestateError": errorSchema()}}
	for _, handler := range svc.HandlerList() {
		r, err := s.ResolveAt(svc.Deployment, svc.Name, handler.Name)
		if err != nil || !r.Public {
			continue
		}
		d.add(handler)
	}
	info := object{"title": svc.Name, "version": strconv.FormatUint(uint64(svc.Revision), 10)}
	if svc.Documentation != "" {
		info["description"] = svc.Documentation
	}
	doc := object{
		"openapi": openAPIVersion, "info": info, "paths": d.paths,
		"components": object{
			"parameters": sharedParameters(), "responses": sharedResponses(), "schemas": d.schemas,
		},
		"tags": []any{
			object{"name": tagCall, "description": "Calls a handler and waits for its result"},
			object{"name": tagSend, "description": "Sends to a handler and does not wait"},
			object{"name": tagAttach, "description": "Waits for the result of an earlier call"},
			object{"name": tagOutput, "description": "Asks for the result of an earlier call"},
		},
	}
	if h.cfg.IngressEndpoint != "" {
		doc["servers"] = []any{object{"url": h.cfg.IngressEndpoint, "description": "The ingress"}}
	}
	return jsonResponse(http.StatusOK, doc)
}

// serviceDoc is the document of one service in the making.
type serviceDoc struct {
	service        *schema.Service
	paths, schemas object
}

// add describes everything that callers can do with one handler.
func (d *serviceDoc) add(h *schema.Handler) {
	keyed := d.service.Kind != protocol.KindService
	workflow := d.service.Kind == protocol.KindWorkflow
	target, params := "/"+d.service.Name, []any{}
	if keyed {
		target, params = target+"/{key}", append(params, parameter("key"))
	}
	base, baseParams := target, params
	target += "/" + h.Name
	if !workflow {
		params = append(params[:len(params):len(params)], parameter("idempotencyKeyHeader"))
	}
	ok := object{"description": "The handler's result"}
	if h.Output.ContentType != "" {
		ok["content"] = d.media(h.Name+"Response", h.Output.ContentType, h.Output.JSONSchema)
	}
	call := d.operation(h, tagCall, "", params, object{"200": ok})
	params = append(params[:len(params):len(params)], parameter("delay"))
	send := d.operation(h, tagSend, "Send", params,
		object{"200": shared("Send"), "202": shared("Send")})
	if !h.Input.EmptyOnly {
		body := object{"required": h.Input.Required,
			"content": d.media(h.Name+"Request", h.Input.ContentType, h.Input.JSONSchema)}
		call["requestBody"], send["requestBody"] = body, body
	}
	d.paths["/restate/call"+target] = object{"post": call}
	d.paths["/restate/send"+target] = object{"post": send}

	// How results are asked for by what was called, which lookups have replaced.
	switch {
	case h.Kind == protocol.HandlerWorkflow:
		d.addResult(h, "/restate/workflow"+base, baseParams, ok)
	case !workflow:
		d.addResult(h, "/restate/invocation"+target+"/{idempotencyKey}",
			append(baseParams[:len(baseParams):len(baseParams)], parameter("idempotencyKeyPath")), ok)
	}
}

func (d *serviceDoc) addResult(h *schema.Handler, path string, params []any, ok object) {
	unknown := shared("InvocationNotFoundError")
	attach := d.operation(h, tagAttach, "Attach", params, object{"200": ok, "404": unknown})
	output := d.operation(h, tagOutput, "Output", params, object{
		"200": ok, "404": unknown, "470": shared("InvocationNotReadyError")})
	attach["deprecated"], output["deprecated"] = true, true
	d.paths[path+"/attach"] = object{"get": attach}
	d.paths[path+"/output"] = object{"get": output}
}

// operation describes one method on one path. Generated clients take its ID for a function's name.
func (d *serviceDoc) operation(
	h *schema.Handler, tag, suffix string, params []any, responses object,
) object {
	responses = maps.Clone(responses)
	responses["default"] = shared("GenericError")
	op := object{
		"operationId": h.Name + suffix, "summary": h.Name, "tags": []string{tag},
		"parameters": params, "responses": responses,
	}
	if h.Documentation != "" {
		op["description"] = h.Documentation
	}
	return op
}

// media describes a body; a JSON schema is kept once, under a name.
func (d *serviceDoc) media(name, contentType string, jsonSchema json.RawMessage) object {
	if jsonSchema == nil {
		return object{contentType: object{}}
	}
	d.schemas[name] = jsonSchema
	return object{contentType: object{"schema": object{"$ref": "#/components/schemas/" + name}}}
}

func parameter(name string) object { return object{"$ref": "#/components/parameters/" + name} }

func shared(response string) object { return object{"$ref": "#/components/responses/" + response} }

func sharedParameters() object {
	text := object{"type": "string"}
	return object{
		"key": object{"name": "key", "in": "path", "required": true, "schema": text},
		"delay": object{"name": "delay", "in": "query", "required": false, "schema": text,
			"description": "How long to wait before the call", "example": "10s"},
		"idempotencyKeyHeader": object{"name": "idempotency-key", "in": "header", "required": false,
			"schema": text, "description": "Calls with the same key are one call"},
		"idempotencyKeyPath": object{"name": "idempotencyKey", "in": "path", "required": true,
			"schema": text, "description": "The key that the call was made with"},
	}
}

func sharedResponses() object {
	problem := object{"application/json": object{
		"schema": object{"$ref": "#/components/schemas/RestateError"}}}
	sent := json.RawMessage(`{"type":"object","required":["invocationId","status"],"properties":{` +
		`"invocationId":{"type":"string"},"status":{"type":"string",` +
		`"enum":["Accepted","PreviouslyAccepted"]},` +
		`"executionTime":{"type":"string","format":"date-time"}}}`)
	return object{
		"GenericError":            object{"description": "The call failed", "content": problem},
		"InvocationNotFoundError": object{"description": "No such invocation", "content": problem},
		"InvocationNotReadyError": object{
			"description": "The invocation has not completed yet", "content": problem},
		"Send": object{"description": "Accepted, now or before",
			"content": object{"application/json": object{"schema": sent}}},
	}
}

// errorSchema is the body of every answer that is a failure.
func errorSchema() object {
	text := object{"type": "string"}
	return object{"type": "object", "required": []string{"message", "source"}, "properties": object{
		"code": object{"type": "number"}, "message": text, "stacktrace": text,
		"metadata": object{"type": "object", "additionalProperties": text},
		"source":   object{"type": "string", "enum": []string{"ingress", "invocation"}},
	}}
}
