package main

// notOffered lists, by SDK, the checks whose capability the pinned release of that SDK has no
// call for, with what is missing. The services of the SDK leave it out, and the checks are
// skipped with that reason. It is no place for a check that fails.
var notOffered = map[string]map[string]string{
	"java": {
		"ERR-07": "a terminal failure has no metadata",
		"EVT-04": "no named signals",
		"EVT-05": "no named signals",
	},
}

// missing tells what an SDK lacks for a check; "" means nothing.
func missing(sdk, id string) string { return notOffered[sdk][id] }
