package main

import (
	"fmt"
	"net/http"
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
