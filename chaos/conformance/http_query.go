package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// queryChecks look at invocations through SQL, as the command line and the console do.
func queryChecks() []Check {
	return []Check{
		{ID: "SQL-01", Title: "query as JSON", Run: func(c *Case) {
			id := c.call(c.path("Basic", "echo"), 1, nil).id()
			var row map[string]any
			c.until("the row is there", func() bool {
				row = c.invocation(id, "id, target, status, completion_result, completion_failure")
				return row["status"] == "completed"
			})
			c.equal("row", row, map[string]any{"id": id, "status": "completed",
				"target": c.sdk.service("Basic") + "/echo", "completion_result": "success"})
		}},
		{ID: "SQL-12", Title: "a query that cannot be parsed", Run: func(c *Case) {
			r := c.rule(http.MethodPost, "/query", map[string]string{"query": "selec 1"},
				"accept", "application/json")
			c.want(r, http.StatusBadRequest)
			var p struct {
				Message string `json:"message"`
			}
			c.decode(r, &p)
			if p.Message == "" {
				c.failf("%s: no message", r)
			}
		}},
		{ID: "SQL-03", Title: "status of scheduled, running, suspended, backing-off", Run: statuses},
		{ID: "SQL-04", Title: "journal of a finished workflow", Run: func(c *Case) {
			id := c.call(c.path("Order", c.id, "run"), purchase{ID: c.id}, nil).id()
			rows := c.query(fmt.Sprintf("select entry_type from sys_journal where id = '%s' "+
				"order by index", id))
			runs := 0
			for _, row := range rows {
				if row["entry_type"] == "Command: Run" {
					runs++
				}
			}
			c.equal("Run entries", runs, 3)
			if len(rows) == 0 || rows[0]["entry_type"] != "Command: Input" {
				c.failf("the first of %d entries is not the input: %v", len(rows), rows)
			}
		}},
		{ID: "SQL-05", Title: "state of an object", Run: func(c *Case) {
			c.call(c.path("Store", c.id, "add"), 12, nil)
			rows := c.query(fmt.Sprintf("select service_name, key, value_utf8 from state "+
				"where service_key = '%s'", c.id))
			c.equal("rows", rows, []map[string]any{{"service_name": c.sdk.service("Store"),
				"key": "total", "value_utf8": "12"}})
		}},
		{ID: "INV-08", Title: "results and journals are kept for a day", Run: func(c *Case) {
			id := c.call(c.path("Basic", "echo"), 1, nil).id()
			c.equal("row", c.invocation(id, "completion_retention, journal_retention"),
				map[string]any{"completion_retention": "PT86400S", "journal_retention": "PT86400S"})
		}},
		{ID: "INV-30", Title: "failed attempts leave events", Run: transientErrors},
		{ID: "ERR-14", Title: "the event of a pause has the last failure", Run: pausedEvent},
		{ID: "DEP-09", Title: "a deployment that nothing needs any more", Run: unneeded},
		{ID: "INV-19", Title: "restarted_from of a restarted invocation", Run: func(c *Case) {
			first := c.call(c.path("Basic", "echo"), 1, nil).id()
			r := c.want(act(c, first, "restart-as-new"), http.StatusOK)
			var out struct {
				ID string `json:"new_invocation_id"`
			}
			c.decode(r, &out)
			c.equal("row", c.invocation(out.ID, "restarted_from"),
				map[string]any{"restarted_from": first})
		}},
	}
}

// event is what a row of sys_journal_events says.
type event struct {
	Type        string `json:"ty"`
	Code        int    `json:"error_code"`
	Message     string `json:"error_message"`
	LastFailure *struct {
		Code    int    `json:"error_code"`
		Message string `json:"error_message"`
	} `json:"last_failure"`
}

// events are those of an invocation, oldest first.
func (c *Case) events(id string) (list []event) {
	rows := c.query(fmt.Sprintf("select event_type, event_json from sys_journal_events where id = '%s' "+
		"order by appended_at", id))
	for _, row := range rows {
		var e event
		text, _ := row["event_json"].(string)
		c.must("read an event", json.Unmarshal([]byte(text), &e))
		c.equal("type of an event", row["event_type"], any(e.Type))
		list = append(list, e)
	}
	return list
}

func transientErrors(c *Case) {
	s := c.play(single(c, bidi, "SERVICE"), nil, failing, failing, func(a *attempt) error {
		a.finish("1")
		return nil
	})
	id := c.call("/"+s.name+"/h", nil, nil).id()
	// Equal failures in a row are one event.
	found := c.events(id)
	c.equal("events", len(found), 1)
	c.equal("type", found[0].Type, "TransientError")
	c.equal("code", found[0].Code, http.StatusInternalServerError)
	c.contains("message", found[0].Message, "fails on purpose")
}

func pausedEvent(c *Case) {
	offer := single(c, bidi, "SERVICE")
	most := 2
	offer.Services[0].RetryPolicyMaxAttempts = &most
	offer.Services[0].RetryPolicyOnMaxAttempts = "PAUSE"
	s := c.play(offer, nil, failing, failing)
	id := c.send("/"+s.name+"/h", "", nil).InvocationID
	c.until("it is paused", func() bool {
		return c.invocation(id, "status")["status"] == "paused"
	})
	found := c.events(id)
	last := found[len(found)-1]
	c.equal("type of the last event", last.Type, "Paused")
	if last.LastFailure == nil {
		c.failf("the pause does not say why: %+v", found)
	}
	c.equal("code", last.LastFailure.Code, http.StatusInternalServerError)
	c.contains("message", last.LastFailure.Message, "fails on purpose")
	c.want(act(c, id, "kill"), http.StatusOK)
}

// drainedQuery is how the console finds deployments that can go.
const drainedQuery = `WITH active_deployments AS (
	SELECT DISTINCT deployment_id AS id FROM sys_service WHERE deployment_id IS NOT NULL
	UNION SELECT DISTINCT pinned_deployment_id AS id FROM sys_invocation_status
		WHERE pinned_deployment_id IS NOT NULL AND status != 'completed')
	SELECT d.id AS id FROM sys_deployment d EXCEPT SELECT id FROM active_deployments`

func unneeded(c *Case) {
	name := c.unique("Drained")
	offer := offering(bidi, name, "SERVICE", fakeHandler{Name: "slow"})
	proceed := make(chan struct{})
	old := c.newFake(offer, false, map[string]func(*attempt){"slow": func(a *attempt) {
		a.accept()
		// Progress pins the invocation to the deployment.
		a.send(sleepFrame(time.Now().Add(time.Hour).UnixMilli(), 1))
		<-proceed
		a.send(errorFrame(500, "once more, until it is killed"))
	}})
	c.register(old, nil)
	isDrained := func() bool {
		return slices.ContainsFunc(c.query(drainedQuery), func(row map[string]any) bool {
			return row["id"] == old.id
		})
	}
	if isDrained() {
		c.failf("the newest deployment of a service counts as drained")
	}
	pinned := c.send("/"+name+"/slow", "", nil)
	c.until("the old deployment has the invocation", func() bool {
		return c.invocation(pinned.InvocationID, "pinned_deployment_id")["pinned_deployment_id"] == old.id
	})
	fresh := c.newFake(offer, false, map[string]func(*attempt){"slow": func(a *attempt) { a.finish("2") }})
	c.register(fresh, nil)
	if isDrained() {
		c.failf("a deployment counts as drained while an invocation needs it")
	}
	close(proceed)
	c.want(act(c, pinned.InvocationID, "kill"), http.StatusOK)
	c.until("it is drained", isDrained)
}

// query runs SQL and returns its rows; columns without a value are absent.
func (c *Case) query(sql string) []map[string]any {
	r := c.rule(http.MethodPost, "/query", map[string]string{"query": sql},
		"accept", "application/json")
	c.want(r, http.StatusOK)
	c.equal("content-type", r.header.Get("content-type"), "application/json")
	var out struct {
		Rows []map[string]any `json:"rows"`
	}
	c.decode(r, &out)
	return out.Rows
}

// invocation returns columns of one row of sys_invocation, nil if there is none.
func (c *Case) invocation(id, columns string) map[string]any {
	rows := c.query(fmt.Sprintf("select %s from sys_invocation where id = '%s'", columns, id))
	if len(rows) == 0 {
		return nil
	}
	return rows[0]
}

func statuses(c *Case) {
	in := work{ID: c.id, Times: 1 << 20}
	for want, s := range map[string]sent{
		"scheduled":   c.send(c.path("Basic", "echo"), "?delay=1h", 1),
		"running":     c.send(c.path("Basic", "sleep"), "", work{Millis: 60_000}),
		"suspended":   c.send(c.path("Basic", "suspending"), "", work{Millis: 60_000}),
		"backing-off": c.send(c.path("Basic", "failTimes"), "", in),
	} {
		id := s.InvocationID
		c.until(id+" is "+want, func() bool {
			return c.invocation(id, "status")["status"] == want
		})
		c.want(act(c, id, "kill"), http.StatusOK)
		c.until(id+" has ended", func() bool {
			status := c.invocation(id, "status")["status"]
			return status == nil || status == "completed"
		})
	}
}
