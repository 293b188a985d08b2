package schema

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/discovery"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var testNow = time.Date(2026, 1, 2, 3, 4, 5, 678000000, time.UTC)

// offer decodes a manifest with the given services.
func offer(t testing.TB, services string) *discovery.Manifest {
	t.Helper()
	m, err := discovery.Decode(discovery.Response{
		ContentType: "application/vnd.restate.endpointmanifest.v4+json",
		Body: []byte(`{"protocolMode":"BIDI_STREAM","minProtocolVersion":5,"maxProtocolVersion":6,` +
			`"services":[` + services + `]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func at(uri string) Address {
	return Address{Kind: DeploymentHTTP, URI: uri, HTTPVersion: "HTTP/2.0"}
}

func id(n byte) protocol.DeploymentID { return protocol.DeploymentID{15: n} }

func mustRegister(t testing.TB, s *Schema, r Registration) (*Schema, *Deployment) {
	t.Helper()
	r.Now = testNow
	next, d, _, err := s.Register(r)
	if err != nil {
		t.Fatal(err)
	}
	return next, d
}

const (
	greeter = `{"name":"Greeter","ty":"SERVICE","handlers":[{"name":"greet"}]}`
	counter = `{"name":"Counter","ty":"VIRTUAL_OBJECT","enableLazyState":true,"journalRetention":1000,
	 "handlers":[{"name":"add","retryPolicyMaxAttempts":3,"inactivityTimeout":5},
	 {"name":"get","ty":"SHARED","enableLazyState":false,"ingressPrivate":true}]}`
	signup = `{"name":"Signup","ty":"WORKFLOW","documentation":"d","metadata":{"k":"v"},"handlers":[
	 {"name":"run","workflowCompletionRetention":7000,"input":{"required":true,"contentType":"application/json",
	 "jsonSchema":{"type":"object"}}},{"name":"peek","ty":"SHARED"}]}`
)

func TestRegister(t *testing.T) {
	empty := Empty(StandardDefaults())
	if _, err := empty.Resolve("Greeter", "greet"); !isMissing(err, "Greeter", "") {
		t.Fatalf("resolve in the empty schema: %v", err)
	}
	s1, d1 := mustRegister(t, empty, Registration{
		Address: at("http://one/"), Manifest: offer(t, greeter+","+counter), ID: id(1)})
	s2, d2 := mustRegister(t, s1, Registration{
		Address: at("http://two/"), Manifest: offer(t, greeter), ID: id(2)})

	// New calls go to the newest revision, pinned ones stay.
	r, err := s2.Resolve("Greeter", "greet")
	if err != nil || r.Deployment != d2 || r.Service.Revision != 2 {
		t.Fatalf("newest: %+v, %v", r, err)
	}
	r, err = s2.ResolveAt(d1.ID, "Greeter", "greet")
	if err != nil || r.Deployment != d1 || r.Service.Revision != 1 {
		t.Fatalf("pinned: %+v, %v", r, err)
	}
	if r, err = s1.Resolve("Greeter", "greet"); err != nil || r.Deployment != d1 {
		t.Fatalf("the old schema changed: %+v, %v", r, err)
	}
	if _, err := s2.Resolve("Counter", "sub"); !isMissing(err, "Counter", "sub") {
		t.Fatalf("missing handler: %v", err)
	}
	if _, err := s2.ResolveAt(d2.ID, "Counter", "add"); !isMissing(err, "Counter", "") {
		t.Fatalf("not offered there: %v", err)
	}
	var gone *DeploymentNotFoundError
	if _, err := s2.ResolveAt(id(9), "Counter", "add"); !errors.As(err, &gone) || gone.ID != id(9) {
		t.Fatalf("unknown deployment: %v", err)
	}

	// The same address again changes nothing, forced it keeps its ID.
	same, d, created, err := s2.Register(Registration{Address: at("https://one/"), ID: id(3)})
	if err != nil || created || same != s2 || d.ID != d1.ID {
		t.Fatalf("again: %v %t %v", d, created, err)
	}
	forced, d, created, err := s2.Register(Registration{Address: at("http://one/"), ID: id(3),
		Manifest: offer(t, greeter), Force: true, Now: testNow.Add(time.Second)})
	if err != nil || created || d.ID != d1.ID || !d.CreatedAt.After(d1.CreatedAt) {
		t.Fatalf("forced: %+v %t %v", d, created, err)
	}
	if r, err := forced.Resolve("Greeter", "greet"); err != nil || r.Service.Revision != 3 {
		t.Fatalf("forced: %+v, %v", r, err)
	}
	if _, ok := forced.Service("Counter"); ok {
		t.Fatal("a service that its only deployment no longer offers is still there")
	}

	// Deletion.
	deleted, err := s2.DeleteDeployment(d2.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := deleted.Service("Greeter"); ok {
		t.Fatal("the newest revision outlived its deployment")
	}
	if _, ok := deleted.Service("Counter"); !ok {
		t.Fatal("a service of another deployment vanished")
	}
	if _, err := deleted.DeleteDeployment(d2.ID); !errors.As(err, &gone) {
		t.Fatalf("deleted twice: %v", err)
	}
}

func isMissing(err error, service, handler string) bool {
	var e *NotFoundError
	return errors.As(err, &e) && *e == NotFoundError{service, handler}
}

func TestTypeChange(t *testing.T) {
	s, _ := mustRegister(t, Empty(StandardDefaults()), Registration{
		Address: at("http://one/"), Manifest: offer(t, greeter), ID: id(1)})
	object := Registration{Address: at("http://two/"), ID: id(2), Manifest: offer(t,
		`{"name":"Greeter","ty":"VIRTUAL_OBJECT","handlers":[]}`)}
	var e *RefusedError
	if _, _, _, err := s.Register(object); !errors.As(err, &e) || e.Code != CodeTypeChanged || !e.Conflict {
		t.Fatalf("type change: %v", err)
	}
	for _, allow := range []func(*Registration){
		func(r *Registration) { r.Force = true }, func(r *Registration) { r.Breaking = true },
	} {
		r := object
		allow(&r)
		if next, _ := mustRegister(t, s, r); next.Services()[0].Kind != protocol.KindObject {
			t.Fatal("the type did not change")
		}
	}
}

func TestIdentity(t *testing.T) {
	with := func(uri, key, value string) Address {
		a := at(uri)
		a.AdditionalHeaders = []protocol.KeyValue{{Key: key, Value: value}}
		return a
	}
	routing := []string{"x-route"}
	for _, c := range []struct {
		a, b Address
		same bool
	}{
		{at("http://h:1/"), at("https://h:1/"), true},
		{at("http://h:1/"), at("http://h:2/"), false},
		{at("http://h:1/"), at("http://h:1/p"), false},
		{with("http://h/", "X-Route", "a"), with("http://h/", "x-route", "a"), true},
		{with("http://h/", "x-route", "a"), with("http://h/", "x-route", "b"), false},
		{with("http://h/", "x-other", "a"), with("http://h/", "x-other", "b"), true},
		{Address{Kind: DeploymentLambda, ARN: "a"}, Address{Kind: DeploymentLambda, ARN: "a"}, true},
		{Address{Kind: DeploymentLambda, ARN: "a"}, Address{Kind: DeploymentLambda, ARN: "b"}, false},
	} {
		if got := c.a.identity(routing) == c.b.identity(routing); got != c.same {
			t.Errorf("%+v and %+v: same=%t", c.a, c.b, got)
		}
	}
	for in, want := range map[string]string{
		"HTTP://Host:80": "http://host:80/", "http://h/a/": "http://h/a/", "h:1": "", "/p": "",
		"http://u:p@h/": "", "ftp://h/": "", "http://h/?q=1": "", "http://h/%zz": "",
	} {
		got, err := NormalizeURI(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("NormalizeURI(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestOptions(t *testing.T) {
	d := StandardDefaults()
	d.MaxJournalRetention = 500 * time.Millisecond
	d.MaxRetryAttempts = 2
	d.MaxWorkflowCompletionRetention = 6 * time.Second
	s, _ := mustRegister(t, Empty(d), Registration{
		Address: at("http://one/"), Manifest: offer(t, counter+","+signup), ID: id(1)})
	add, _ := s.Resolve("Counter", "add")
	get, _ := s.Resolve("Counter", "get")
	run, _ := s.Resolve("Signup", "run")
	for name, ok := range map[string]bool{
		"handler over service":   !get.LazyState && add.LazyState,
		"handler over default":   add.InactivityTimeout == 5*time.Millisecond && get.InactivityTimeout == time.Minute,
		"private handler":        !get.Public && add.Public,
		"clamped retention":      add.JournalRetention == 500*time.Millisecond,
		"clamped default":        run.JournalRetention == 500*time.Millisecond,
		"clamped attempts":       add.RetryMaxAttempts == 2 && get.RetryMaxAttempts == 2,
		"clamped run":            run.WorkflowCompletionRetention == 6*time.Second,
		"workflow as a whole":    s.ServiceOptions(run.Service).WorkflowCompletionRetention == 6*time.Second,
		"untouched by a ceiling": run.IdempotencyRetention == 24*time.Hour,
	} {
		if !ok {
			t.Errorf("%s: add %+v get %+v run %+v", name, add, get, run)
		}
	}
	infos := s.ServiceInfos(add.Service)
	if len(infos) != 1 || infos[0].Code != CodeClamped || !strings.Contains(infos[0].Message, "from 1s to 500ms") {
		t.Errorf("infos of the service: %+v", infos)
	}
	infos = s.ServiceInfos(run.Service)
	if len(infos) != 2 || !strings.Contains(infos[0].Message, "from 1d to 500ms") ||
		!strings.Contains(infos[1].Message, "from 7s to 6s") {
		t.Errorf("infos of a workflow, about a default and what its run handler asks: %+v", infos)
	}
	if infos := s.HandlerInfos(run.Service, run.Handler); len(infos) != 0 {
		t.Errorf("infos of the run handler: %+v", infos)
	}
	if infos := s.HandlerInfos(get.Service, get.Handler); len(infos) != 0 {
		t.Errorf("infos of a handler below all ceilings: %+v", infos)
	}
	if infos := s.HandlerInfos(add.Service, add.Handler); len(infos) != 1 || !strings.Contains(infos[0].Message, "from 3 to 2") {
		t.Errorf("infos of the handler: %+v", infos)
	}
}

func TestPatchService(t *testing.T) {
	s, d := mustRegister(t, Empty(StandardDefaults()), Registration{
		Address: at("http://one/"), Manifest: offer(t, counter+","+signup), ID: id(1)})
	public, hour := true, time.Hour
	next, svc, err := s.PatchService("Counter", ServicePatch{Public: &public, JournalRetention: &hour})
	if err != nil || svc.Revision != 1 {
		t.Fatalf("patched: %+v, %v", svc, err)
	}
	get, _ := next.Resolve("Counter", "get")
	if get.Public || get.JournalRetention != hour {
		t.Fatalf("want the service's patch below the handler's own options: %+v", get)
	}
	if old, _ := s.Resolve("Counter", "get"); old.Public {
		t.Fatal("the old schema changed")
	}
	next, svc, err = next.PatchService("Signup", ServicePatch{WorkflowCompletionRetention: &hour})
	if err != nil || *svc.Options.WorkflowCompletionRetention != hour {
		t.Fatalf("workflow retention: %+v, %v", svc, err)
	}
	if run, _ := next.Resolve("Signup", "run"); run.WorkflowCompletionRetention != 7*time.Second {
		t.Fatalf("the run handler's own workflow retention: %+v", run)
	}
	var e *RefusedError
	if _, _, err := s.PatchService("Counter", ServicePatch{WorkflowCompletionRetention: &hour}); !errors.As(err, &e) {
		t.Fatalf("workflow retention of an object: %v", err)
	}
	if _, _, err := s.PatchService("Nobody", ServicePatch{}); !isMissing(err, "Nobody", "") {
		t.Fatalf("unknown service: %v", err)
	}
	// The next discovery forgets the patch.
	again, _ := mustRegister(t, next, Registration{Address: d.address(), Force: true, ID: id(2),
		Manifest: offer(t, counter+","+signup)})
	if get, _ := again.Resolve("Counter", "get"); get.Public || get.JournalRetention != time.Second {
		t.Fatalf("the patch outlived a discovery: %+v", get)
	}
}

func TestPatchDeployment(t *testing.T) {
	s, d := mustRegister(t, Empty(StandardDefaults()), Registration{
		Address: at("http://one/"), Manifest: offer(t, greeter), ID: id(1)})
	s, _ = mustRegister(t, s, Registration{
		Address: at("http://two/"), Manifest: offer(t, counter), ID: id(2)})
	three, two := "http://three/", "http://two/"
	next, patched, err := s.PatchDeployment(d.ID, DeploymentPatch{URI: &three})
	if err != nil || patched.URI != three {
		t.Fatalf("moved: %+v, %v", patched, err)
	}
	if r, err := next.Resolve("Greeter", "greet"); err != nil || r.Deployment.URI != three || r.Service.Revision != 1 {
		t.Fatalf("moved: %+v, %v", r, err)
	}
	var e *RefusedError
	if _, _, err := s.PatchDeployment(d.ID, DeploymentPatch{URI: &two}); err != nil {
		t.Fatalf("moved onto another, so that its pinned calls go on there: %v", err)
	}
	m := offer(t, greeter+","+signup)
	next, _, err = s.PatchDeployment(d.ID, DeploymentPatch{Manifest: m})
	if _, ok := next.Service("Signup"); err != nil || ok {
		t.Fatalf("asked without overwriting: %t, %v", ok, err)
	}
	next, _, err = s.PatchDeployment(d.ID, DeploymentPatch{Manifest: m, Overwrite: true})
	if r, _ := next.Resolve("Greeter", "greet"); err != nil || r.Service.Revision != 1 {
		t.Fatalf("overwritten in place: %+v, %v", r, err)
	}
	if svc, ok := next.Service("Signup"); !ok || svc.Revision != 1 {
		t.Fatalf("a service that is new to the deployment: %+v", svc)
	}
	// Overwriting an old revision does not take calls away from the newest.
	newest, _ := mustRegister(t, s, Registration{
		Address: at("http://four/"), Manifest: offer(t, greeter), ID: id(4)})
	next, _, err = newest.PatchDeployment(d.ID, DeploymentPatch{Manifest: m, Overwrite: true})
	if svc, _ := next.Service("Greeter"); err != nil || svc.Deployment != id(4) || svc.Revision != 2 {
		t.Fatalf("newest revision after overwriting the old one: %+v, %v", svc, err)
	}
	m.MaxProtocolVersion = 7
	_, _, err = s.PatchDeployment(d.ID, DeploymentPatch{Manifest: m})
	if !errors.As(err, &e) || e.Code != CodeProtocolChanged || e.Conflict {
		t.Fatalf("other protocol range: %v", err)
	}
	var gone *DeploymentNotFoundError
	if _, _, err := s.PatchDeployment(id(7), DeploymentPatch{}); !errors.As(err, &gone) {
		t.Fatalf("unknown: %v", err)
	}
}

func TestInfosOfRequestResponse(t *testing.T) {
	m := offer(t, counter)
	m.Mode = discovery.RequestResponse
	s, d := mustRegister(t, Empty(StandardDefaults()), Registration{
		Address: at("http://one/"), Manifest: m, ID: id(1)})
	svc := d.Services["Counter"]
	infos := s.HandlerInfos(svc, svc.Handlers["add"])
	if len(infos) != 1 || infos[0].Code != CodeNotApplied {
		t.Fatalf("infos of a handler with an inactivity timeout: %+v", infos)
	}
}

func TestGolden(t *testing.T) {
	a := at("http://one/p")
	a.AdditionalHeaders = []protocol.KeyValue{{Key: "b", Value: "2"}, {Key: "a", Value: "1"}}
	s, _ := mustRegister(t, Empty(StandardDefaults()), Registration{Address: a, ID: id(1),
		Manifest: offer(t, greeter+","+counter+","+signup), SDKVersion: "sdk/1",
		Metadata: map[string]string{"team": "x"}})
	m := offer(t, greeter)
	m.LambdaCompression = "zstd"
	s, _ = mustRegister(t, s, Registration{Manifest: m, ID: id(2), Address: Address{
		Kind: DeploymentLambda, ARN: "arn:aws:lambda:eu:1:function:f:1", AssumeRoleARN: "arn:r"}})
	got, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("testdata/schema.json", append(got, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if string(got)+"\n" != string(want) {
		t.Fatalf("the stored form changed\ngot  %s\nwant %s", got, want)
	}
	back, err := Decode(want, s.Defaults())
	if err != nil || !reflect.DeepEqual(back.deployments, s.deployments) ||
		!reflect.DeepEqual(back.active, s.active) || len(back.resolved) != len(s.resolved) {
		t.Fatalf("round trip: %+v, %v", back, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":            `{`,
		"newer form":         `{"format":2}`,
		"bad deployment":     `{"format":1,"deployments":[{"id":"x","kind":"http"}]}`,
		"unknown kind":       fmt.Sprintf(`{"format":1,"deployments":[{"id":%q,"kind":"ftp"}]}`, id(1)),
		"active is unknown":  fmt.Sprintf(`{"format":1,"active":{"A":%q}}`, id(1)),
		"active is no ID":    `{"format":1,"active":{"A":"x"}}`,
		"active not offered": fmt.Sprintf(`{"format":1,"deployments":[{"id":%q,"kind":"http"}],"active":{"A":%[1]q}}`, id(1)),
	} {
		if _, err := Decode([]byte(text), StandardDefaults()); err == nil {
			t.Errorf("%s: decoded", name)
		}
	}
}
