package admin

import (
	"net/http"
	"strings"
)

// object is a JSON object whose keys come out sorted.
type object = map[string]any

const openAPIVersion = "3.1.0"

// openAPI describes this interface, from the routes themselves.
func (h *Handler) openAPI(*request) (*response, error) {
	paths := object{}
	for i := range h.routes {
		rt := &h.routes[i]
		if rt.segments[0] == "internal" || rt.segments[0] == "openapi" ||
			rt.segments[0] == "deployments" && rt.method == http.MethodPut {
			continue // for the console only, this document itself, and deprecated
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
	if rt.method == http.MethodPost || rt.method == http.MethodPut || rt.method == http.MethodPatch && operations[last].command == nil {
		op["requestBody"] = object{"required": true, "content": object{
			"application/json": object{"schema": object{"type": "object"}}}}
	}
	return op
}
