package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// endpoints are all that take a JSON body, with the status of an empty object.
var endpoints = []struct {
	method, path string
	empty        int
}{
	{"POST", "/deployments", 422},
	{"PATCH", "/deployments/dp_1" + zeroes, 404},
	{"PATCH", "/services/" + plain, 200},
	{"POST", "/services/" + object + "/state", 422},
	{"POST", "/internal/invocations_batch_operations/kill", 422},
	{"POST", "/internal/invocations_batch_operations/cancel", 422},
	{"POST", "/internal/invocations_batch_operations/purge", 422},
	{"POST", "/internal/invocations_batch_operations/purge-journal", 422},
	{"POST", "/internal/invocations_batch_operations/pause", 422},
	{"POST", "/internal/invocations_batch_operations/resume", 422},
	{"POST", "/internal/invocations_batch_operations/restart-as-new", 422},
}

// zeroes are the digits of an ID that nobody has.
const zeroes = "0000000000000000000007"

func adminEntries() []entry {
	var out []entry
	add := func(row rawRow) {
		row.admin = true
		out = append(out, entry{row.name, row.run})
	}
	const jsonType = "Content-Type: application/json"
	for _, e := range endpoints {
		name := "body: " + e.method + " " + e.path + ": "
		req := func(body string, header ...string) string { return whole(e.method, e.path, body, header...) }
		for _, r := range []struct {
			what, request string
			want          []int
		}{
			{"no content type", req(`{}`), is(415)},
			{"a wrong content type", req(`{}`, "Content-Type: text/plain"), is(415)},
			{"a broken content type", req(`{}`, "Content-Type: ;;;"), is(415)},
			{"nothing", req(``, jsonType), is(400)},
			{"half an object", req(`{"a":`, jsonType), is(400)},
			{"text after the object", req(`{} {}`, jsonType), is(400)},
			{"not UTF-8", req("\xff\xfe", jsonType), is(400)},
			{"a list", req(`[1]`, jsonType), is(422)},
			{"a number", req(`1e999`, jsonType), is(422, 400)},
			{"null", req(`null`, jsonType), is(400, 422, e.empty)},
			{"an empty object", req(`{}`, jsonType), is(e.empty)},
			{"an object a hundred thousand deep", req(strings.Repeat(`{"a":`, 100_000)+"1"+
				strings.Repeat("}", 100_000), jsonType), is(400)},
			{"over the limit", req(`"`+strings.Repeat("x", 33<<20)+`"`, jsonType), is(413, closed)},
			{"shorter than announced", head(e.method, e.path, jsonType, "Content-Length: 100") +
				"\r\n{",
				is(400, closed)},
		} {
			add(rawRow{name: name + r.what, request: r.request, want: r.want,
				close: r.what == "shorter than announced"})
		}
	}
	for _, r := range slices.Concat(adminPaths(), adminBodies()) {
		add(rawRow{name: r.name, want: r.want,
			request: whole(r.method, r.path, r.body, jsonType)})
	}
	return out
}

type adminRow struct {
	name, method, path, body string
	want                     []int
}

// adminPaths are bad paths, ids and queries.
func adminPaths() []adminRow {
	rows := []adminRow{
		{"path: the old version", "GET", "/v1/deployments", "", is(400)},
		{"path: a version to come", "GET", "/v5/deployments", "", is(404)},
		{"path: a version twice", "GET", "/v3/v3/deployments", "", is(404)},
		{"path: ten thousand segments", "GET", strings.Repeat("/v3", 10_000), "", is(404)},
		{"path: wrong method", "PUT", "/services", "", is(405)},
		{"path: put of a deployment", "PUT", "/deployments/dp_1" + zeroes, "{}", is(405)},
		{"path: a deployment that is none", "GET", "/deployments/nonsense", "", is(400)},
		{"path: a deployment nobody has", "GET", "/deployments/dp_1" + zeroes, "", is(404)},
		{"path: deletion of a deployment nobody has", "DELETE", "/deployments/dp_1" + zeroes +
			"?force=true", "", is(404, 202)},
		{"path: deletion without force", "DELETE", "/deployments/dp_1" + zeroes, "", is(501)},
		{"path: deletion with odd force", "DELETE", "/deployments/dp_1" + zeroes + "?force=maybe",
			"", is(400, 501)},
		{"path: a service nobody has", "GET", "/services/Nobody", "", is(404)},
		{"path: a service of strange bytes", "GET", "/services/%00%ff", "", is(400, 404)},
		{"path: a handler nobody has", "GET", "/services/" + plain + "/handlers/%ff", "", is(400,
			404)},
		{"path: an interface description of nobody", "GET", "/services/Nobody/openapi", "",
			is(404)},
		{"path: deletion of an invocation in an odd mode", "DELETE", "/invocations/" + unknownID +
			"?mode=maim", "", is(400)},
		{"path: deletion of an invocation nobody has", "DELETE", "/invocations/" + unknownID, "",
			is(202)},
		{"path: a restart from a word", "PATCH", "/invocations/" + unknownID +
			"/restart-as-new?from=x", "", is(400)},
		{"path: a restart from 2^32", "PATCH", "/invocations/" + unknownID +
			"/restart-as-new?from=4294967296", "", is(400)},
		{"path: a restart from -1", "PATCH", "/invocations/" + unknownID +
			"/restart-as-new?from=-1", "", is(400)},
		{"path: a restart of nobody", "PATCH", "/invocations/" + unknownID +
			"/restart-as-new?from=4294967295", "", is(404)},
		{"path: a resume on a bad deployment", "PATCH", "/invocations/" + unknownID +
			"/resume?deployment=x", "", is(400)},
		{"path: a resume on a deployment nobody has", "PATCH",
			"/invocations/" + unknownID + "/resume?deployment=dp_1" + zeroes, "", is(400, 404)},
	}
	for _, op := range []string{"cancel", "kill", "purge", "purge-journal", "pause", "resume",
		"restart-as-new"} {
		rows = append(rows,
			adminRow{"path: " + op + " of nonsense", "PATCH", "/invocations/nonsense/" + op, "",
				is(400)},
			adminRow{"path: " + op + " of an id too large", "PATCH",
				"/invocations/inv_1" + strings.Repeat("Z", 33) + "/" + op, "", is(400)},
			adminRow{"path: " + op + " of nobody", "PATCH", "/invocations/" + unknownID + "/" +
				op, "", is(404)})
	}
	return rows
}

// adminBodies are well-formed JSON that makes no sense.
func adminBodies() []adminRow {
	var rows []adminRow
	deployment := func(name, body string, want ...int) {
		rows = append(rows, adminRow{"deployment: " + name, "POST", "/deployments", body, want})
	}
	deployment("address of a number", `{"uri":5}`, 422)
	deployment("no address", `{"uri":""}`, 400, 422)
	deployment("address and function", `{"uri":"http://127.0.0.1:1","arn":"arn:x"}`, 422, 500)
	deployment("relative address", `{"uri":"h/p"}`, 400, 422)
	deployment("address of another scheme", `{"uri":"file:///etc/passwd"}`, 400, 422)
	deployment("address without host", `{"uri":"http://"}`, 400, 422)
	deployment("address with a bad port", `{"uri":"http://127.0.0.1:99999"}`, 400, 422, 500)
	deployment("address with a zero byte", `{"uri":"http://127.0.0.1\u0000"}`, 400, 422)
	deployment("address of 8 MiB", `{"uri":"http://`+strings.Repeat("h", 8<<20)+`"}`, 400, 422, 500)
	deployment("function that is none", `{"arn":"lambda"}`, 400, 422)
	deployment("function of nobody", `{"arn":"arn:aws:lambda:x"}`, 400, 422, 500)
	deployment("headers of numbers", `{"uri":"http://127.0.0.1:1","additional_headers":{"a":1}}`,
		422)
	deployment("header with a line feed",
		`{"uri":"http://127.0.0.1:1","additional_headers":{"a":"b\nc"}}`, 400, 422)
	deployment("header without name",
		`{"uri":"http://127.0.0.1:1","additional_headers":{"":"b"}}`, 400, 422)
	deployment("force of a word", `{"uri":"http://127.0.0.1:1","force":"yes"}`, 422)
	deployment("nobody listens", `{"uri":"http://127.0.0.1:1"}`, 500)
	state := func(name, body string, want ...int) {
		rows = append(rows, adminRow{"state: " + name, "POST", "/services/" + object + "/state",
			body, want})
	}
	state("no key", `{"new_state":{}}`, 422)
	state("values of text", `{"object_key":"k","new_state":{"a":"text"}}`, 422, 202)
	state("bytes over 255", `{"object_key":"k","new_state":{"a":[256]}}`, 422)
	state("negative bytes", `{"object_key":"k","new_state":{"a":[-1]}}`, 422)
	state("bytes with fractions", `{"object_key":"k","new_state":{"a":[1.5]}}`, 422)
	state("a list of states", `{"object_key":"k","new_state":[]}`, 422)
	state("a stale version", `{"object_key":"k","new_state":{},"version":"nonsense"}`, 202)
	state("odd keys", `{"object_key":"\u0000\ud800","new_state":{"":[],"\u0000\uffff":[0,255]}}`,
		202)
	state("a key of a megabyte", `{"object_key":"`+strings.Repeat("k",
		1<<20)+`","new_state":{"a":[1]}}`, 202, 400, 413)
	state("ten thousand entries", manyStates(10_000), 202)
	rows = append(rows,
		adminRow{"state: of a service", "POST", "/services/" + plain + "/state",
			`{"object_key":"k","new_state":{"a":[1]}}`, is(400)},
		adminRow{"state: of nobody", "POST", "/services/Nobody/state",
			`{"object_key":"k","new_state":{"a":[1]}}`, is(404)},
		adminRow{"state: of nobody, to nothing", "POST", "/services/%01%02/state",
			`{"object_key":"k","new_state":{}}`, is(202)})
	for _, d := range []string{`5`, `""`, `"-1s"`, `"forever"`, `"99999999999999999999s"`,
		`"300000000years"`, `{}`, `"1s 1s 1s"`} {
		for _, field := range []string{"idempotency_retention", "inactivity_timeout",
			"abort_timeout"} {
			want := is(422, 400)
			if d == `"1s 1s 1s"` {
				want = is(422, 400, 200)
			}
			rows = append(rows, adminRow{"service: " + field + " of " + d, "PATCH",
				"/services/" + plain, `{"` + field + `":` + d + `}`, want})
		}
	}
	return slices.Concat(rows, batchRows())
}

func manyStates(n int) string {
	states := map[string][]int{}
	for i := range n {
		states["s"+itoa(i)] = []int{i & 255}
	}
	b, _ := json.Marshal(map[string]any{"object_key": "many", "new_state": states}) // cannot fail
	return string(b)
}

func batchRows() []adminRow {
	ids := func(n int, id string) string {
		return `{"invocation_ids":[` + strings.TrimSuffix(strings.Repeat(`"`+id+`",`, n), ",") +
			`]}`
	}
	var rows []adminRow
	for _, op := range []string{"kill", "cancel", "purge", "purge-journal", "pause", "resume",
		"restart-as-new"} {
		path := "/internal/invocations_batch_operations/" + op
		rows = append(rows,
			adminRow{"batch: " + op + " of 1001", "POST", path, ids(1001, unknownID), is(400)},
			adminRow{"batch: " + op + " of 1000 that are one", "POST", path, ids(1000, unknownID),
				is(200)},
			adminRow{"batch: " + op + " of none", "POST", path, ids(0, ""), is(200)},
			adminRow{"batch: " + op + " of nonsense", "POST", path, ids(10, "nonsense"), is(200,
				422)},
			adminRow{"batch: " + op + " of numbers", "POST", path, `{"invocation_ids":[1,2]}`,
				is(422)},
			adminRow{"batch: " + op + " on a bad deployment", "POST", path,
				`{"invocation_ids":[],"deployment":"x"}`, is(200, 400, 422)})
	}
	return append(rows, adminRow{"batch: of no operation", "POST",
		"/internal/invocations_batch_operations/" + strings.Repeat("x", 1000), ids(1, unknownID),
		is(404)})
}

// register registers a deployment and returns the answer.
func (t *trial) register(url string, more string) (reply, error) {
	return t.manage(http.MethodPost, "/deployments", fmt.Sprintf(`{"uri":%q%s}`, url, more))
}
