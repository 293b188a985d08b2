package main

import (
	"errors"
	"time"

	restate "github.com/restatedev/sdk-go"
	"github.com/restatedev/sdk-go/ingress"
)

// clientChecks use the ingress client that comes with the Go SDK, unmodified.
func clientChecks() []Check {
	return []Check{
		{ID: "ING-19", Title: "SDK client: call, send, attach, output", Run: func(c *Case) {
			client := ingress.NewClient(c.ingress, ingress.WithHttpClient(c.client))
			add := ingress.Object[int, int](client, c.sdk.service("Store"), c.id, "add")
			sum, err := add.Request(c.ctx, 3)
			c.must("request", err)
			c.equal("sum", sum, 3)
			sent, err := add.Send(c.ctx, 4, restate.WithIdempotencyKey("k"))
			c.must("send", err)
			c.equal("status", sent.Status(), "Accepted")
			c.isID(sent.Id())
			sum, err = ingress.InvocationById[int](client, sent.Id()).Attach(c.ctx)
			c.must("attach", err)
			c.equal("sum", sum, 7)
			sum, err = ingress.ObjectInvocationByIdempotencyKey[int](
				client, c.sdk.service("Store"), c.id, "add", "k").Output(c.ctx)
			c.must("output", err)
			c.equal("sum", sum, 7)
		}},
		{ID: "ING-19", Title: "SDK client: delay, not ready, not found", Run: func(c *Case) {
			client := ingress.NewClient(c.ingress, ingress.WithHttpClient(c.client))
			echo := ingress.Service[int, int](client, c.sdk.service("Basic"), "echo")
			sent, err := echo.Send(c.ctx, 1, restate.WithDelay(2*time.Second))
			c.must("send", err)
			handle := ingress.InvocationById[int](client, sent.Id())
			_, err = handle.Output(c.ctx)
			if wanted := new(*ingress.InvocationNotReadyError); !errors.As(err, wanted) {
				c.failf("output of a delayed call: %v is not InvocationNotReadyError", err)
			}
			out, err := handle.Attach(c.ctx)
			c.must("attach", err)
			c.equal("answer", out, 1)
			_, err = ingress.InvocationById[int](client, unknownInvocation).Output(c.ctx)
			if wanted := new(*ingress.InvocationNotFoundError); !errors.As(err, wanted) {
				c.failf("output of nothing: %v is not InvocationNotFoundError", err)
			}
		}},
		{ID: "ING-19", Title: "SDK client: a terminal failure is one", Run: func(c *Case) {
			client := ingress.NewClient(c.ingress, ingress.WithHttpClient(c.client))
			in := failure{Code: 418, Message: "no " + c.id}
			_, err := ingress.Service[failure, restate.Void](
				client, c.sdk.service("Basic"), "fail").Request(c.ctx, in)
			terminal := restate.AsTerminalError(err)
			if terminal == nil {
				c.failf("%v is not a terminal error", err)
			}
			c.equal("code", int(terminal.Code()), 418)
			c.equal("message", terminal.Message(), in.Message)
		}},
		{ID: "ING-19", Title: "SDK client: workflow", Run: func(c *Case) {
			client := ingress.NewClient(c.ingress, ingress.WithHttpClient(c.client))
			name := c.sdk.service("Order")
			run := ingress.Workflow[purchase, receipt](client, name, c.id, "run")
			_, err := run.Send(c.ctx, purchase{ID: c.id, Wait: true})
			c.must("submit", err)
			_, err = ingress.Workflow[string, restate.Void](
				client, name, c.id, "go").Request(c.ctx, "on")
			c.must("signal", err)
			out, err := ingress.WorkflowHandle[receipt](client, name, c.id).Attach(c.ctx)
			c.must("attach", err)
			c.equal("receipt", out, receipt{ID: c.id, Go: "on"})
		}},
	}
}
