package main

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// requestLimit is the largest body that the ingress takes, in bytes.
const requestLimit = 32 << 20

// rawRow is one request over HTTP/1.1, byte by byte. KEY in it stands for the key of the entry.
type rawRow struct {
	name    string
	request string
	want    []int
	close   bool // the client closes its side afterwards
	admin   bool
}

func (row rawRow) run(t *trial) error {
	address := t.server.ingress
	if row.admin {
		address = t.server.admin
	}
	raw := strings.ReplaceAll(row.request, "KEY", t.key)
	status, body, err := exchange(address, row.close, []byte(raw))
	if err != nil {
		return err
	}
	return oneOf(status, body, row.want)
}

// head begins a request; header lines follow, each with its end. Handlers want a content type, so
// that calls of ours have one.
func head(method, path string, header ...string) string {
	typed := slices.ContainsFunc(header, func(h string) bool { return strings.HasPrefix(h, "Content-Type:") })
	if ours := strings.HasPrefix(path, "/Hostile") || strings.HasPrefix(path,
		"/Canary"); ours && !typed {
		header = append([]string{"Content-Type: text/plain"}, header...)
	}
	return method + " " + path + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" +
		strings.Join(append(header, ""), "\r\n")
}

// whole is a request with a body.
func whole(method, path, body string, header ...string) string {
	header = append(header, fmt.Sprintf("Content-Length: %d", len(body)))
	return head(method, path, header...) + "\r\n" + body
}

// call is the path of a call that would work.
const callPath = "/" + object + "/KEY/h"

func is(status ...int) []int { return status }

func ingressEntries() []entry {
	var out []entry
	for _, row := range slices.Concat(pathRows(), headerRows(), bodyRows(), targetRows()) {
		out = append(out, entry{row.name, row.run})
	}
	return slices.Concat(out, slowEntries(), streamEntries())
}

// pathRows ask for what is not there.
func pathRows() []rawRow {
	long := strings.Repeat("a", 60_000)
	var rows []rawRow
	for _, r := range []struct {
		name, method, path string
		want               []int
	}{
		{"the root", "POST", "/", is(400)},
		{"one segment", "POST", "/x", is(400)},
		{"nine segments", "POST", "/a/b/c/d/e/f/g/h/i", is(400)},
		{"slashes only", "POST", "////", is(400, 404)},
		{"a thousand slashes", "POST", strings.Repeat("/", 1000), is(400)},
		{"dots", "POST", "/../../etc/passwd", is(400, 404)},
		{"encoded dots", "POST", "/%2e%2e/%2e%2e/h", is(404)},
		{"a percent sign alone", "POST", "/" + object + "/%/h", is(400)},
		{"a bad percent encoding", "POST", "/" + object + "/%zz/h", is(400)},
		{"half a percent encoding", "POST", "/" + object + "/k%4/h", is(400)},
		{"a key that is not UTF-8", "POST", "/" + object + "/%ff%fe/h", is(400)},
		{"a key with an encoded zero", "POST", "/" + object + "/%00/h", is(200)},
		{"a key of 60000 characters", "POST", "/" + object + "/" + long + "/h", is(200)},
		{"a service of 60000 characters", "POST", "/" + long + "/h", is(404)},
		{"a handler of 60000 characters", "POST", "/" + object + "/k/" + long, is(404)},
		{"an encoded service name", "POST", "/%48ostilePlain/h", is(404)},
		{"no key", "POST", "/" + object + "/h", is(400)},
		{"a key for a service", "POST", "/" + plain + "/k/h", is(400)},
		{"raw bytes that are not ASCII", "POST", "/" + object + "/\xff\xfe/h", is(400)},
		{"a raw zero byte", "POST", "/" + object + "/\x00/h", is(400)},
		{"a space", "POST", "/a b/h", is(400)},
		{"a fragment", "POST", "/" + plain + "/h#x", is(400, 404)},
		{"an absolute address", "POST", "http://h/Nobody/h", is(404)},
		{"an address without slash", "POST", "Nobody/h", is(400)},
		{"an asterisk", "OPTIONS", "*", is(200)},
		{"an asterisk, posted", "POST", "*", is(400)},
		{"CONNECT", "CONNECT", "h:80", is(400, 405)},
		{"TRACE", "TRACE", callPath, is(405)},
		{"a method nobody knows", "BREW", callPath, is(405)},
		{"a method of 10000 letters", strings.Repeat("M", 10_000), callPath, is(405)},
		{"a method with a zero byte", "PO\x00ST", callPath, is(400)},
		{"an empty method", "", callPath, is(400)},
		{"PUT", "PUT", callPath, is(405)},
		{"HEAD", "HEAD", callPath, is(405)},
		{"an unknown verb", "POST", "/restate/launch/x", is(404)},
		{"verb call without target", "POST", "/restate/call", is(400)},
		{"verb call with too much", "POST", "/restate/call/a/b/c/d", is(400)},
		{"a scope without rest", "POST", "/restate/scope/s", is(400)},
		{"a scope of too many letters", "POST", "/restate/scope/" + strings.Repeat("s", 37) +
			"/call/" + plain + "/h", is(400)},
		{"a scope that is not switched on", "POST", "/restate/scope/s/call/" + plain + "/h",
			is(400)},
		{"attach to nonsense", "GET", "/restate/attach/nonsense", is(400)},
		{"attach to an id too short", "GET", "/restate/attach/inv_1", is(400)},
		{"attach to an id too large", "GET", "/restate/attach/inv_1" + strings.Repeat("Z", 33),
			is(400)},
		{"attach to an id too long", "GET", "/restate/attach/inv_1" + strings.Repeat("0", 5000),
			is(400)},
		{"attach to an id that is zero", "GET", "/restate/attach/inv_1" + strings.Repeat("0", 33),
			is(400, 404)},
		{"attach to an id of another kind", "GET", "/restate/attach/dp_1" + strings.Repeat("0",
			22), is(400)},
		{"attach to an id in another alphabet", "GET", "/restate/attach/inv_1" +
			strings.Repeat("-", 33), is(400)},
		{"output of an id that nobody has", "GET", "/restate/output/" + unknownID, is(404)},
		{"output of an encoded id", "GET", "/restate/output/inv%5F1x", is(400)},
		{"output of nobody's idempotency key", "GET", "/restate/invocation/Nobody/h/k/output",
			is(404)},
		{"output without idempotency key", "GET", "/restate/invocation/" + plain + "/h/output",
			is(400, 404)},
		{"output of a bad key", "GET", "/restate/invocation/" + object + "/%zz/h/k/output",
			is(400)},
		{"workflow that never ran", "GET", "/restate/workflow/" + flow + "/KEY/attach", is(404)},
		{"workflow with a key that is not UTF-8", "GET", "/restate/workflow/" + flow +
			"/%ff/attach", is(400)},
		{"output of a key that is not UTF-8", "GET", "/restate/invocation/" + object +
			"/%ff/h/k/output", is(400)},
		{"output of an idempotency key that is not UTF-8", "GET",
			"/restate/invocation/" + plain + "/h/\xff/output", is(404)},
		{"workflow nobody has", "GET", "/restate/workflow/Nobody/KEY/output", is(404)},
		{"workflow with a bad key", "GET", "/restate/workflow/" + flow + "/%/output", is(400)},
		{"awakeable of nonsense", "POST", "/restate/awakeables/nonsense/resolve", is(400)},
		{"awakeable without content", "POST", "/restate/awakeables/sign_1/resolve", is(400)},
		{"awakeable too long", "POST", "/restate/awakeables/sign_1" + strings.Repeat("A", 5000) +
			"/reject", is(400)},
		{"awakeable of an old kind with index 0", "POST", "/restate/a/prom_1" +
			strings.Repeat("A", 38) + "/resolve", is(202, 400)},
		{"awakeable of all ones", "POST", "/restate/a/sign_1" + strings.Repeat("_", 37) +
			"w/resolve",
			is(202, 400)},
		{"openapi", "GET", "/openapi/x", is(404)},
		{"delay on a call", "POST", callPath + "?delay=1s", is(400)},
		{"an empty delay", "POST", callPath + "/send?delay=", is(400)},
		{"a delay of words", "POST", callPath + "/send?delay=tomorrow", is(400)},
		{"a negative delay", "POST", callPath + "/send?delay=-5s", is(400)},
		{"a delay over 64 bits", "POST", callPath + "/send?delay=99999999999999999999s", is(400)},
		{"a delay over signed time", "POST", callPath + "/send?delay=300000000years", is(400)},
		{"the longest delay", "POST", callPath + "/send?delay=106751days", is(202)},
		{"a delay of many digits", "POST", callPath + "/send?delay=" + strings.Repeat("9", 5000) +
			"s", is(400)},
		{"an ISO delay of nothing", "POST", callPath + "/send?delay=PT", is(400)},
		{"a delay that is not UTF-8", "POST", callPath + "/send?delay=%ff", is(400)},
		{"a delay given twice", "POST", callPath + "/send?delay=1ms&delay=tomorrow", is(202)},
		{"a query of nonsense", "POST", callPath + "?%zz&;;&=&&a=%", is(200)},
		{"a limit key without scope", "POST", callPath + "?limit-key=a", is(400)},
	} {
		rows = append(rows, rawRow{name: "path: " + r.name, request: whole(r.method, r.path, ""),
			want: r.want})
	}
	return rows
}

// headerRows send headers that are too many, too large or wrong.
func headerRows() []rawRow {
	many := make([]string, 5000)
	for i := range many {
		many[i] = "X-H" + itoa(i) + ": v"
	}
	tooMany := slices.Repeat(many, 30)
	huge := strings.Repeat("v", 4<<20)
	var rows []rawRow
	for _, r := range []struct {
		name   string
		header []string
		want   []int
	}{
		{"5000 of them", many, is(200)},
		{"150000 of them", tooMany, is(431)},
		{"one of 4 MiB", []string{"X-Huge: " + huge}, is(431)},
		{"a name of 4 MiB", []string{huge + ": x"}, is(431)},
		{"not ASCII", []string{"X-Odd: gr\xc3\xbcn"}, is(400)},
		{"not UTF-8", []string{"X-Odd: \xff\xfe"}, is(400)},
		{"a zero byte", []string{"X-Odd: a\x00b"}, is(400)},
		{"a zero byte in a name", []string{"X-O\x00dd: a"}, is(400)},
		{"no colon", []string{"nonsense"}, is(400)},
		{"no name", []string{": x"}, is(400)},
		{"a space before the colon", []string{"X-Odd : x"}, is(400)},
		{"a folded line", []string{"X-Odd: a\r\n b"}, is(200, 400)},
		{"a carriage return inside", []string{"X-Odd: a\rb"}, is(400)},
		{"a second host", []string{"Host: other"}, is(400)},
		{"an unknown transfer encoding", []string{"Transfer-Encoding: zip"}, is(501, 400)},
		{"two lengths", []string{"Content-Length: 5"}, is(400)},
		{"an empty idempotency key", []string{"Idempotency-Key:"}, is(200)},
		{"an idempotency key of 100 kB", []string{"Idempotency-Key: " + huge[:100_000]}, is(200)},
		{"an idempotency key that is not UTF-8", []string{"Idempotency-Key: \xff"}, is(400)},
		{"a broken traceparent", []string{"Traceparent: 00-zz"}, is(200)},
		{"a traceparent of 100 kB", []string{"Traceparent: " + huge[:100_000]}, is(200)},
		{"a tracestate of 100 kB", []string{
			"Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
			"Tracestate: " + huge[:100_000]}, is(200)},
		{"a limit key without scope", []string{"X-Restate-Limit-Key: a/b/c"}, is(400)},
		{"a content type of 100 kB", []string{"Content-Type: " + huge[:100_000]}, is(200)},
		{"an upgrade to HTTP/2", []string{"Upgrade: h2c",
			"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"}, is(200)},
		{"an upgrade to a web socket", []string{"Upgrade: websocket", "Sec-WebSocket-Key: x"},
			is(200)},
		{"an expectation nobody knows", []string{"Expect: miracles"}, is(417)},
		{"an origin of 100 kB", []string{"Origin: " + huge[:100_000]}, is(200)},
	} {
		rows = append(rows, rawRow{name: "header: " + r.name, want: r.want,
			request: whole("POST", callPath, "", r.header...)})
	}
	return append(rows,
		rawRow{name: "header: idempotency key on a workflow run", want: is(400),
			request: whole("POST", "/"+flow+"/KEY/h", "", "Idempotency-Key: k")},
		rawRow{name: "header: lines that end with line feeds", want: is(200),
			request: "POST " + callPath +
				" HTTP/1.1\nHost: h\nConnection: close\nContent-Length: 0\n\n"},
		rawRow{name: "header: HTTP/1.1 without host", want: is(400),
			request: "POST " + callPath + " HTTP/1.1\r\nContent-Length: 0\r\n\r\n"},
		rawRow{name: "header: HTTP/0.9", want: is(400), request: "GET /\r\n\r\n", close: true},
		rawRow{name: "header: HTTP/3.0", want: is(400, 505), request: "GET / HTTP/3.0\r\n\r\n"},
		rawRow{name: "header: TLS", want: is(400, closed),
			request: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 512),
			close:   true},
		rawRow{name: "header: ten megabytes of nothing", want: is(400, 431, closed),
			request: strings.Repeat("\x00", 10<<20), close: true},
		rawRow{name: "header: closed inside", want: is(400, closed), request: "POST / HT",
			close: true},
		rawRow{name: "header: nothing", want: is(closed), close: true})
}

// bodyRows send bodies that are not what they are announced to be.
func bodyRows() []rawRow {
	chunked := func(body string) string {
		return head("POST", callPath, "Transfer-Encoding: chunked") + "\r\n" + body
	}
	chunk := func(n int) string { return fmt.Sprintf("%x\r\n%s\r\n", n, bytes.Repeat([]byte("b"), n)) }
	length := func(v, body string) string {
		return head("POST", callPath, "Content-Length: "+v) + "\r\n" + body
	}
	return []rawRow{
		{name: "body: exactly the limit", want: is(200),
			request: whole("POST", "/"+canaryService+"/KEY/h", strings.Repeat("b",
				requestLimit-1024))},
		{name: "body: one byte over the limit", want: is(413),
			request: length(itoa(requestLimit+1), strings.Repeat("b", requestLimit+1))},
		{name: "body: announced one byte over the limit, nothing sent", want: is(413),
			request: length(itoa(requestLimit+1), "")},
		{name: "body: chunks over the limit", want: is(413),
			request: chunked(strings.Repeat(chunk(1<<20), 33) + "0\r\n\r\n")},
		{name: "body: chunks one byte over the limit", want: is(413),
			request: chunked(strings.Repeat(chunk(1<<20), 32) + chunk(1) + "0\r\n\r\n")},
		{name: "body: a million chunks of a byte", want: is(200),
			request: chunked(strings.Repeat("1\r\nb\r\n", 1_000_000) + "0\r\n\r\n")},
		{name: "body: a length and chunks at once", want: is(200, 400), request: head("POST",
			callPath,
			"Content-Length: 3", "Transfer-Encoding: chunked") + "\r\n0\r\n\r\n"},
		{name: "body: a negative length", want: is(400), request: length("-1", "")},
		{name: "body: a length in hexadecimal", want: is(400), request: length("0x10", "")},
		{name: "body: a length over 64 bits", want: is(400),
			request: length("99999999999999999999", "")},
		{name: "body: the largest length", want: is(413), request: length("9223372036854775807",
			"b")},
		{name: "body: an empty length", want: is(400), request: length("", "")},
		{name: "body: shorter than announced", want: is(500, 400, closed),
			request: length("100", "short"), close: true},
		{name: "body: longer than announced", want: is(200),
			request: length("1", "1GET / HTTP/1.1\r\n\r\n")},
		{name: "body: a chunk cut off", want: is(500, 400, closed),
			request: chunked("10\r\nshort"), close: true},
		{name: "body: chunks without end", want: is(500, 400, closed),
			request: chunked(chunk(3)), close: true},
		{name: "body: a chunk size that is no number", want: is(500, 400),
			request: chunked("zz\r\nb\r\n")},
		{name: "body: a negative chunk size", want: is(500, 400), request: chunked("-1\r\nb\r\n")},
		{name: "body: a chunk size over 64 bits", want: is(500, 400),
			request: chunked("fffffffffffffffff\r\nb\r\n")},
		{name: "body: a chunk extension of a megabyte", want: is(500, 400),
			request: chunked("1;" + strings.Repeat("x", 1<<20) + "\r\nb\r\n0\r\n\r\n")},
		{name: "body: trailers of a megabyte", want: is(200, 400, 500),
			request: chunked("1\r\nb\r\n0\r\nX-T: " + strings.Repeat("x", 1<<20) + "\r\n\r\n")},
		{name: "body: a rejection that is not UTF-8", want: is(202), request: whole("POST",
			"/restate/awakeables/sign_163EpMZcTKzTnb_-5_VZWgrIG7ZrTNCJzAAAAEQ/reject",
			"\xff\xfe\x00")},
		{name: "body: a rejection of 8 MiB", want: is(202), request: whole("POST",
			"/restate/awakeables/sign_163EpMZcTKzTnb_-5_VZWgrIG7ZrTNCJzAAAAEQ/reject",
			strings.Repeat("\xff", 8<<20))},
	}
}

// targetRows send targets in JSON that are none.
func targetRows() []rawRow {
	var rows []rawRow
	for _, body := range []string{
		``, `x`, `{`, `null`, `[]`, `42`, `"text"`, `{}`, `{"target":null}`, `{"target":5}`,
		`{"target":"nobody"}`, `{"target":"workflow"}`, `{"target":"workflow","workflowName":"x"}`,
		`{"target":"workflow","workflowName":5,"workflowKey":[]}`,
		`{"target":"idempotentInvocation","service":"x"}`, `{"target":"invocation"}`,
		strings.Repeat(`{"a":`, 100_000), strings.Repeat("[", 1_000_000),
		`{"target":"workflow","workflowName":"x","workflowKey":"` + "\xff" + `","workflowKey":7}`,
	} {
		for _, verb := range []string{"lookup", "attach", "output"} {
			rows = append(rows, rawRow{name: fmt.Sprintf("target: %s of %.40q", verb, body),
				request: whole("POST", "/restate/"+verb, body), want: is(500)})
		}
	}
	return append(rows,
		rawRow{name: "target: a bad invocation id", want: is(400),
			request: whole("POST", "/restate/lookup",
				`{"target":"invocation","invocationId":"x"}`)},
		rawRow{name: "target: output of an empty workflow", want: is(404),
			request: whole("POST", "/restate/output",
				`{"target":"workflow","workflowName":"","workflowKey":""}`)},
		rawRow{name: "target: a key that is not Unicode", want: is(404),
			request: whole("POST", "/restate/output",
				`{"target":"workflow","workflowName":"x","workflowKey":"\ud800"}`)},
		rawRow{name: "target: a body over the limit", want: is(413),
			request: head("POST", "/restate/lookup", fmt.Sprint("Content-Length: ",
				requestLimit+1)) + "\r\n"},
		rawRow{name: "target: read by GET", want: is(405), request: whole(http.MethodGet,
			"/restate/lookup", "")})
}
