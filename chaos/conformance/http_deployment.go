package main

import (
	"net/http"
	"strings"
)

// deploymentInfo is what the admin API tells about a deployment.
type deploymentInfo struct {
	ID           string            `json:"id"`
	URI          string            `json:"uri"`
	ProtocolType string            `json:"protocol_type"`
	HTTPVersion  string            `json:"http_version"`
	Headers      map[string]string `json:"additional_headers"`
	Metadata     map[string]string `json:"metadata"`
	CreatedAt    string            `json:"created_at"`
	Min          int               `json:"min_protocol_version"`
	Max          int               `json:"max_protocol_version"`
	SDK          string            `json:"sdk_version"`
	Services     []serviceInfo     `json:"services"`
}

// simple is a deployment with one handler that answers at once.
func (c *Case) simple(base, answer string) (*fake, string) {
	name := c.unique(base)
	f := c.newFake(offering(bidi, name, "SERVICE", fakeHandler{Name: "h"}), false,
		map[string]func(*attempt){"h": func(a *attempt) { a.finish(answer) }})
	return f, name
}

func deploymentChecks() []Check {
	return []Check{
		{ID: "DEP-01", Title: "register, list, describe", Run: describe},
		{ID: "DEP-02", Title: "registering twice changes nothing", Run: func(c *Case) {
			f, name := c.simple("Twice", `1`)
			c.want(c.register(f, nil), http.StatusCreated)
			id := f.id
			c.want(c.register(f, nil), http.StatusOK)
			c.equal("deployment", f.id, id)
			c.equal("revision", c.service(name).Revision, 1)
			r := c.rule(http.MethodPost, "/v2/deployments",
				map[string]any{"uri": f.url, "force": false})
			c.want(r, http.StatusConflict)
		}},
		{ID: "DEP-03", Title: "force discovers again", Run: func(c *Case) {
			f, name := c.simple("Forced", `1`)
			c.register(f, nil)
			id := f.id
			f.change(func(m *manifest) {
				m.Services[0].Handlers = append(m.Services[0].Handlers, fakeHandler{Name: "more"})
			})
			c.want(c.register(f, map[string]any{"force": true}), http.StatusOK)
			c.equal("deployment", f.id, id)
			info := c.service(name)
			c.equal("revision", info.Revision, 2)
			c.equal("handlers", len(info.Handlers), 2)
		}},
		{ID: "DEP-04", Title: "a dry run stores nothing", Run: func(c *Case) {
			f, name := c.simple("Dry", `1`)
			c.want(c.register(f, map[string]any{"dry_run": true}), http.StatusCreated)
			c.want(c.rule(http.MethodGet, "/services/"+name, nil), http.StatusNotFound)
			c.want(c.register(f, nil), http.StatusCreated)
		}},
		{ID: "DEP-05", Title: "a change of type has to be asked for", Run: func(c *Case) {
			f, name := c.simple("Typed", `1`)
			c.register(f, nil)
			other := c.newFake(offering(bidi, name, "VIRTUAL_OBJECT", fakeHandler{Name: "h"}),
				false, nil)
			r := c.rule(http.MethodPost, "/deployments", map[string]any{"uri": other.url})
			if r.status != http.StatusConflict && r.status != http.StatusBadRequest {
				c.failf("%s", r)
			}
			c.refused(r, r.status, "META0006", name)
			c.register(other, map[string]any{"breaking": true})
			c.equal("type", c.service(name).Ty, "VirtualObject")
		}},
		{ID: "DEP-06", Title: "a new revision takes new calls", Run: newRevision},
		{ID: "DEP-07", Title: "delete", Run: func(c *Case) {
			f, name := c.simple("Deleted", `1`)
			c.register(f, nil)
			at := "/deployments/" + f.id
			r := c.want(c.rule(http.MethodDelete, at, nil), http.StatusNotImplemented)
			c.equal("body", len(r.body), 0)
			c.want(c.rule(http.MethodDelete, at+"?force=true", nil), http.StatusAccepted)
			c.want(c.rule(http.MethodGet, at, nil), http.StatusNotFound)
			c.want(c.rule(http.MethodGet, "/services/"+name, nil), http.StatusNotFound)
			c.until("the ingress knows", func() bool {
				return c.ask(http.MethodPost, "/"+name+"/h", nil).status == http.StatusNotFound
			})
			r = c.rule(http.MethodDelete, at+"?force=true", nil)
			c.want(r, http.StatusNotFound)
		}},
		{ID: "DEP-08", Title: "a new address in place", Run: func(c *Case) {
			f, name := c.simple("Moved", `"old"`)
			c.register(f, nil)
			other := c.newFake(offering(bidi, name, "SERVICE", fakeHandler{Name: "h"}), false,
				map[string]func(*attempt){"h": func(a *attempt) { a.finish(`"new"`) }})
			r := c.rule(http.MethodPatch, "/deployments/"+f.id, map[string]any{"uri": other.url})
			c.want(r, http.StatusOK)
			var info deploymentInfo
			c.decode(r, &info)
			c.equal("id", info.ID, f.id)
			c.until("calls go to the new address", func() bool {
				return value[string](c, "/"+name+"/h") == "new"
			})
		}},
		{ID: "DEP-08", Title: "new headers in place", Run: func(c *Case) {
			seen := make(chan string, 10)
			name := c.unique("Keyed")
			f := c.newFake(offering(bidi, name, "SERVICE", fakeHandler{Name: "h"}), false,
				map[string]func(*attempt){"h": func(a *attempt) {
					seen <- a.r.Header.Get("x-extra")
					a.finish(`1`)
				}})
			c.register(f, map[string]any{"additional_headers": map[string]string{"x-extra": "old"}})
			c.call("/"+name+"/h", nil, nil)
			c.equal("header", receive(c, seen), "old")
			r := c.rule(http.MethodPatch, "/deployments/"+f.id,
				map[string]any{"additional_headers": map[string]string{"x-extra": "new"}})
			var info deploymentInfo
			c.decode(c.want(r, http.StatusOK), &info)
			c.equal("headers", info.Headers, map[string]string{"x-extra": "new"})
			c.until("attempts come with the new header", func() bool {
				c.call("/"+name+"/h", nil, nil)
				return receive(c, seen) == "new"
			})
		}},
		{ID: "DEP-11", Title: "deployment metadata", Run: func(c *Case) {
			f, _ := c.simple("Tagged", `1`)
			c.register(f, map[string]any{"metadata": map[string]string{"git": c.id}})
			var info deploymentInfo
			c.decode(c.rule(http.MethodGet, "/deployments/"+f.id, nil), &info)
			c.equal("metadata", info.Metadata, map[string]string{"git": c.id})
		}},
		{ID: "DEP-21", Title: "reserved names", Run: func(c *Case) {
			for _, name := range []string{"restateThing", "RESTATE", "openapi"} {
				f := c.newFake(offering(bidi, name, "SERVICE", fakeHandler{Name: "h"}), false, nil)
				r := c.rule(http.MethodPost, "/deployments", map[string]any{"uri": f.url})
				c.refused(r, http.StatusBadRequest, "META0005", name)
			}
		}},
		{ID: "ADM-05", Title: "a deployment that cannot be reached", Run: func(c *Case) {
			listener, err := listenFresh()
			c.must("listen", err)
			uri := "http://" + listener.Addr().String()
			c.must("close", listener.Close())
			r := c.rule(http.MethodPost, "/deployments", map[string]any{"uri": uri})
			c.refused(r, http.StatusInternalServerError, "META0003", "[META0003]")
		}},
		{ID: "ADM-05", Title: "a manifest that cannot be used", Run: func(c *Case) {
			f, _ := c.simple("Old", `1`)
			f.change(func(m *manifest) { m.Min, m.Max = 1, 2 })
			r := c.rule(http.MethodPost, "/deployments", map[string]any{"uri": f.url})
			c.refused(r, http.StatusInternalServerError, "META0012", "")
			f.change(func(m *manifest) { m.Min, m.Max = 6, 5 })
			r = c.rule(http.MethodPost, "/deployments", map[string]any{"uri": f.url})
			c.refused(r, http.StatusInternalServerError, "META0013", "")
		}},
		{ID: "ADM-05", Title: "a server that speaks HTTP/1.1 only", Run: func(c *Case) {
			f := c.newFake(offering(requestResponse, c.unique("One"), "SERVICE",
				fakeHandler{Name: "h"}), true, nil)
			r := c.rule(http.MethodPost, "/deployments", map[string]any{"uri": f.url})
			c.refused(r, http.StatusInternalServerError, "META0014", "http1.1")
		}},
		{ID: "ADM-05", Title: "bad addresses and unknown IDs", Run: func(c *Case) {
			r := c.rule(http.MethodPost, "/deployments", map[string]any{"uri": "/just/a/path"})
			c.refused(r, http.StatusBadRequest, "", "The request field 'uri' is invalid")
			r = c.rule(http.MethodGet, "/deployments/dp_10CX3nZXlxu4Jxw0SwwTLFP", nil)
			c.want(r, http.StatusNotFound)
			r = c.rule(http.MethodPut, "/deployments/dp_10CX3nZXlxu4Jxw0SwwTLFP",
				map[string]any{"uri": "http://127.0.0.1:1"})
			c.want(r, http.StatusMethodNotAllowed)
		}},
	}
}

func describe(c *Case) {
	f, name := c.simple("Plain", `1`)
	r := c.want(c.register(f, nil), http.StatusCreated)
	c.equal("location", r.header.Get("location"), "deployments/"+f.id)
	if !strings.HasPrefix(f.id, "dp_1") || len(f.id) != 26 {
		c.failf("%q is not a deployment ID", f.id)
	}
	var made deploymentInfo
	c.decode(r, &made)
	c.equal("registered services", len(made.Services), 1)
	c.equal("service", made.Services[0].Name, name)
	c.equal("revision", made.Services[0].Revision, 1)

	var info deploymentInfo
	c.decode(c.want(c.rule(http.MethodGet, "/deployments/"+f.id, nil), http.StatusOK), &info)
	c.equal("uri", strings.TrimSuffix(info.URI, "/"), f.url)
	c.equal("protocol", info.ProtocolType, "BidiStream")
	c.equal("http", info.HTTPVersion, "HTTP/2.0")
	c.equal("versions", []int{info.Min, info.Max}, []int{5, 6})
	c.equal("sdk", info.SDK, "conformance/1.0")
	c.equal("deployment of the service", c.service(name).DeploymentID, f.id)

	var list struct {
		Deployments []deploymentInfo `json:"deployments"`
	}
	c.decode(c.want(c.rule(http.MethodGet, "/deployments", nil), http.StatusOK), &list)
	for _, d := range list.Deployments {
		if d.ID == f.id {
			return
		}
	}
	c.failf("%s is not among the %d deployments listed", f.id, len(list.Deployments))
}

// newRevision keeps one invocation on the old deployment while new calls take the new one.
func newRevision(c *Case) {
	name := c.unique("Versioned")
	proceed := make(chan struct{})
	offer := offering(bidi, name, "SERVICE", fakeHandler{Name: "h"}, fakeHandler{Name: "slow"})
	old := c.newFake(offer, false, map[string]func(*attempt){
		"h": func(a *attempt) { a.finish(`"old"`) },
		"slow": func(a *attempt) {
			if a.number == 1 {
				// The first command that is stored ties the invocation to its deployment.
				a.accept()
				_, _ = proposed(a, message{}.text(14, "x")) // the second attempt looks
				a.send(errorFrame(500, "once more, on the same deployment"))
				return
			}
			<-proceed
			if len(a.entries) != 3 {
				a.finish(`"a journal without the step"`)
				return
			}
			a.finish(`"old"`)
		},
	})
	c.register(old, nil)
	pinned := c.send("/"+name+"/slow", "", nil)
	c.until("the old deployment has it again", func() bool { return old.attempts("slow") >= 2 })
	fresh := c.newFake(offer, false, map[string]func(*attempt){
		"h":    func(a *attempt) { a.finish(`"new"`) },
		"slow": func(a *attempt) { a.finish(`"new"`) },
	})
	c.register(fresh, nil)
	c.equal("revision", c.service(name).Revision, 2)
	c.until("new calls take the new revision", func() bool {
		return value[string](c, "/"+name+"/h") == "new"
	})
	close(proceed)
	c.equal("output", string(c.want(c.attach(pinned.InvocationID), http.StatusOK).body), `"old"`)
}
