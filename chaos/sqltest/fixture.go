package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/chaos/process"
)

// side is one server with services of its own and what was made on it.
type side struct {
	admin, ingress string
	procs          []*process.Process
	ids            map[string]string // of what the fixture made, by label
	names          *strings.Replacer
}

func (s *side) kill() {
	for _, p := range slices.Backward(s.procs) {
		p.Kill()
	}
}

// startSide starts services and a server, and makes the fixture on it.
func startSide(ctx context.Context, dir, prefix, services string, argv ...string) (s *side, err error) {
	at, err := process.FreeAddresses(4)
	if err != nil {
		return nil, err
	}
	s = &side{admin: "http://" + at[0], ingress: "http://" + at[1], ids: map[string]string{}}
	defer func() {
		if err != nil {
			s.kill()
		}
	}()
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o755); err != nil {
		return nil, err
	}
	svc, err := process.Start(filepath.Join(dir, "services.log"), nil, nil, services, "-listen", at[3],
		"-prefix", "Go", "-effects", filepath.Join(dir, "effects"))
	if err != nil {
		return s, err
	}
	s.procs = append(s.procs, svc)
	if err := svc.Await(ctx, "the services", func(ctx context.Context) bool {
		return process.Accepts(ctx, at[3])
	}); err != nil {
		return s, err
	}
	server, err := process.Start(filepath.Join(dir, "server.log"), nil, []string{
		prefix + "BASE_DIR=" + filepath.Join(dir, "data"), prefix + "LISTEN_MODE=tcp",
		prefix + "ADMIN__BIND_ADDRESS=" + at[0], prefix + "INGRESS__BIND_ADDRESS=" + at[1],
		prefix + "BIND_ADDRESS=" + at[2], prefix + "DEFAULT_NUM_PARTITIONS=4", "DO_NOT_TRACK=1",
		// The version that both speak.
		prefix + "EXPERIMENTAL_ENABLE_PROTOCOL_V7=false",
	}, argv[0], argv[1:]...)
	if err != nil {
		return s, err
	}
	s.procs = append(s.procs, server)
	if err := server.Await(ctx, "the server", func(ctx context.Context) bool {
		return process.Healthy(ctx, s.admin+"/health") && process.Healthy(ctx, s.ingress+"/restate/health")
	}); err != nil {
		return s, err
	}
	if err := s.fixture(ctx, "http://"+at[3]); err != nil {
		return s, fmt.Errorf("make the fixture: %w", err)
	}
	return s, nil
}

// call is one invocation of the fixture.
type call struct {
	label, path, body string
	key               string // idempotency key; empty: none
	await             string // what its row has to look like before the next one is made
}

// calls are made in this order. Each label becomes the name of its invocation.
var calls = []call{
	{"done", "GoBasic/echo", `"hello"`, "key-1", "status = 'completed'"},
	{"failed", "GoBasic/fail", `{"code":418,"message":"a teapot"}`, "", "status = 'completed'"},
	{"steps", "GoBasic/runThenFail", `{"id":"steps"}`, "", "status = 'completed'"},
	{"set", "GoStore/k1/set", `{"key":"name","value":"Ada"}`, "", "status = 'completed'"},
	{"set2", "GoStore/k1/set", `{"key":"list","value":[1,2,3]}`, "", "status = 'completed'"},
	{"set3", "GoStore/a%2Fb%20c/set", `{"key":"name","value":"Bob"}`, "", "status = 'completed'"},
	{"held", "GoStore/k1/hold", `{"id":"held","millis":3600000}`, "",
		"status = 'running' AND journal_size >= 2"},
	{"queued", "GoStore/k1/add", `1`, "", "status = 'pending'"},
	{"queued2", "GoStore/k1/add", `2`, "", "status = 'pending'"},
	{"suspended", "GoBasic/suspending", `{"id":"suspended","millis":3600000}`, "", "status = 'suspended'"},
	{"scheduled", "GoBasic/echo/send?delay=1h", `"later"`, "", "status = 'scheduled'"},
	{"paused", "GoBasic/sleep", `{"millis":3600000}`, "", "status = 'running' AND journal_size >= 2"},
	{"killed", "GoBasic/sleep", `{"millis":3600000}`, "", "status = 'running' AND journal_size >= 2"},
	{"order", "GoOrder/w1/run", `{"id":"w1","wait":true}`, "", "status = 'running' AND journal_size >= 5"},
	{"order2", "GoOrder/w2/run", `{"id":"w2"}`, "", "status = 'completed'"},
	{"parent", "GoComm/call", `{"service":"GoBasic","handler":"echo","input":"child"}`, "",
		"status = 'completed'"},
}

// fixture registers the services and makes the calls.
func (s *side) fixture(ctx context.Context, services string) error {
	body, err := s.must(ctx, http.MethodPost, s.admin+"/deployments", `{"uri":"`+services+`"}`)
	if err != nil {
		return err
	}
	var deployment struct{ ID string }
	if err := json.Unmarshal(body, &deployment); err != nil {
		return fmt.Errorf("read the deployment: %w", err)
	}
	s.ids["dp"] = deployment.ID
	for _, c := range calls {
		if err := s.call(ctx, c); err != nil {
			return fmt.Errorf("%s: %w", c.label, err)
		}
	}
	if _, err := s.must(ctx, http.MethodPatch, s.admin+"/invocations/"+s.ids["paused"]+"/pause", ""); err != nil {
		return err
	}
	if _, err := s.must(ctx, http.MethodPatch, s.admin+"/invocations/"+s.ids["killed"]+"/kill", ""); err != nil {
		return err
	}
	if err := s.await(ctx, "id = '"+s.ids["paused"]+"' AND status = 'paused'"); err != nil {
		return err
	}
	if err := s.await(ctx, "id = '"+s.ids["killed"]+"' AND status = 'completed'"); err != nil {
		return err
	}
	return s.nameAll(ctx)
}

func (s *side) call(ctx context.Context, c call) error {
	path := c.path
	if !strings.Contains(path, "/send") {
		path += "/send"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.ingress+"/"+path,
		strings.NewReader(c.body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if c.key != "" {
		req.Header.Set("Idempotency-Key", c.key)
	}
	status, body, err := do(req)
	if err != nil || status/100 != 2 {
		return fmt.Errorf("status %d: %s: %w", status, body, err)
	}
	var sent struct {
		ID string `json:"invocationId"`
	}
	if err := json.Unmarshal(body, &sent); err != nil || sent.ID == "" {
		return fmt.Errorf("unexpected answer %s", body)
	}
	s.ids[c.label] = sent.ID
	return s.await(ctx, "id = '"+sent.ID+"' AND "+c.await)
}

// nameAll names the invocations that were made by others, by what they call.
func (s *side) nameAll(ctx context.Context) error {
	status, body, err := s.post(ctx, s.admin+"/query",
		"SELECT id, target FROM sys_invocation WHERE invoked_by = 'service'")
	if err != nil || status != 200 {
		return fmt.Errorf("list invocations: status %d: %s: %w", status, body, err)
	}
	var result struct {
		Rows []struct{ ID, Target string }
	}
	if err := json.Unmarshal(body, &result); err != nil {
		return err
	}
	for _, row := range result.Rows {
		s.ids["of "+row.Target] = row.ID
	}
	var pairs []string
	for label, id := range s.ids {
		pairs = append(pairs, id, "<"+label+">")
	}
	s.names = strings.NewReplacer(pairs...)
	return nil
}

// fill puts IDs in the place of labels.
func (s *side) fill(text string) string {
	var pairs []string
	for label, id := range s.ids {
		pairs = append(pairs, "{"+label+"}", id)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

const (
	requestTimeout = time.Minute
	awaitTimeout   = 2 * time.Minute
	pollEvery      = 50 * time.Millisecond
)

// await waits until there is an invocation of which the condition holds.
func (s *side) await(ctx context.Context, condition string) error {
	ctx, cancel := context.WithTimeout(ctx, awaitTimeout)
	defer cancel()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		status, body, err := s.post(ctx, s.admin+"/query", "SELECT id FROM sys_invocation WHERE "+condition)
		if err == nil && status == 200 && bytes.Contains(body, []byte("inv_1")) {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w; the last answer was %d %s %w", condition, ctx.Err(), status,
				body, err)
		}
	}
}

// must sends a request that has to be accepted.
func (s *side) must(ctx context.Context, method, url, body string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	status, got, err := do(req)
	if err != nil || status/100 != 2 {
		return nil, fmt.Errorf("%s %s: status %d: %s: %w", method, url, status, got, err)
	}
	return got, nil
}

// post asks a query.
func (s *side) post(ctx context.Context, url, text string) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	body, err := json.Marshal(map[string]string{"query": text})
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	return do(req)
}

func do(req *http.Request) (int, []byte, error) {
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, body, err
}
