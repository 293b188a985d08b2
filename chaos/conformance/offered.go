package main

import "slices"

// sdkGaps is what the release of an SDK that the scenario pins has no call for. The services
// of the SDK leave it out, and so does the suite: the checks are counted as not offered. It is
// no place for a check that fails. The table in ../scenario/README.md says the same.
type sdkGaps struct {
	release string
	gaps    []gap
}

// gap is one capability and what shows it.
type gap struct {
	id       string
	title    string // of the only check of that ID which needs it; "" means all of them do
	why      string
	handlers []string // "Service/handler" that only these checks call, and are left out too
}

var notOffered = map[string]sdkGaps{
	"java": {"sdk-java 2.4.0", []gap{
		{id: "ERR-07", why: "a terminal failure has no metadata"},
		{id: "EVT-04", why: "no named signals",
			handlers: []string{"Comm/signal", "Waiter/awaitSignal"}},
		{id: "EVT-05", why: "no named signals"},
		{id: "ERR-02", title: "what is awaited is told while it runs",
			why: "it speaks the protocol up to version 6"},
	}},
	"rust": {"restate-sdk 0.13.0", []gap{
		{id: "ERR-07", why: "a terminal failure has no metadata"},
		{id: "EVT-03", title: "a durable promise completes once",
			why: "resolving a promise does not tell whether it was resolved before"},
	}},
}

// missing tells what an SDK lacks for a check; "" means nothing.
func missing(sdk, id, title string) string {
	lacks := notOffered[sdk]
	for _, g := range lacks.gaps {
		if g.id == id && (g.title == "" || g.title == title) {
			return lacks.release + ": " + g.why
		}
	}
	return ""
}

// leftOut tells whether the services of an SDK have no such handler for a lack of the SDK.
func leftOut(sdk, handler string) bool {
	return slices.ContainsFunc(notOffered[sdk].gaps, func(g gap) bool {
		return slices.Contains(g.handlers, handler)
	})
}
