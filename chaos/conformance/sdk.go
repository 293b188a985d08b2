package main

import "slices"

// sdkChecks are run against the services of each SDK.
func sdkChecks() []Check {
	return slices.Concat(serviceChecks(), stateChecks(), effectChecks(), errorChecks(),
		callChecks(), eventChecks(), lifecycleChecks(), clientChecks())
}

// The inputs of the scenario's handlers.
type (
	work struct {
		ID          string `json:"id,omitempty"`
		Times       int    `json:"times,omitempty"`
		MaxAttempts int    `json:"maxAttempts,omitempty"`
		Millis      int    `json:"millis,omitempty"`
	}
	failure struct {
		Code     int               `json:"code"`
		Message  string            `json:"message"`
		Metadata map[string]string `json:"metadata,omitempty"`
	}
	attempts struct {
		Value    int `json:"value"`
		Attempts int `json:"attempts"`
	}
	request struct {
		Service        string            `json:"service"`
		Key            string            `json:"key,omitempty"`
		Handler        string            `json:"handler"`
		Input          any               `json:"input,omitempty"`
		Headers        map[string]string `json:"headers,omitempty"`
		IdempotencyKey string            `json:"idempotencyKey,omitempty"`
		DelayMillis    int               `json:"delayMillis,omitempty"`
	}
	entry struct {
		Key   string `json:"key"`
		Value any    `json:"value,omitempty"`
	}
	completion struct {
		ID      string `json:"id"`
		Name    string `json:"name,omitempty"`
		Value   string `json:"value,omitempty"`
		Message string `json:"message,omitempty"`
	}
	contest struct {
		CallMillis  int `json:"callMillis"`
		TimerMillis int `json:"timerMillis"`
	}
	purchase struct {
		ID     string `json:"id"`
		Millis int    `json:"millis,omitempty"`
		Wait   bool   `json:"wait,omitempty"`
	}
	receipt struct {
		ID string `json:"id"`
		Go string `json:"go"`
	}
)

// effects counts a side effect over all lives of the service process.
func (c *Case) effects(name string) int {
	n, err := c.sdk.count(name)
	c.must("count side effects", err)
	return n
}

// ran ends the check unless a side effect has happened so often. A kill between a step and the record
// of its result has it run again, which nobody can prevent: under kills it may be more, unless it is
// none.
func (c *Case) ran(what, name string, times int) {
	n := c.effects(name)
	if c.torment == nil || times == 0 || n < times {
		c.equal(what, n, times)
	}
}

// value calls a handler without input and returns its JSON answer as T.
func value[T any](c *Case, path string) T {
	var out T
	c.call(path, nil, &out)
	return out
}

// answer calls a handler and returns its JSON answer as T.
func answer[T any](c *Case, path string, in any) T {
	var out T
	c.call(path, in, &out)
	return out
}
