package admin

import (
	"fmt"
	"net/http"

	"github.com/perdure/perdure/protocol"
)

// Kafka and flow control are not there yet. Clients ask for what there is of them all the same, the
// console each time it shows a service: there is nothing, and what would make something says why it
// cannot.

func (h *Handler) addAbsent(add func(method, path string, serve func(*request) (*response, error))) {
	nothing := func(name string) func(*request) (*response, error) {
		return func(*request) (*response, error) {
			return jsonResponse(http.StatusOK, map[string]any{name: []any{}})
		}
	}
	add("GET", "/kafka-clusters", nothing("clusters"))
	add("POST", "/kafka-clusters", unsupported("Kafka", "the cluster was not registered"))
	add("GET", "/kafka-clusters/{cluster}", noCluster("The requested Kafka cluster '%s' does not exist"))
	add("PATCH", "/kafka-clusters/{cluster}", noCluster("not found in the schema registry: kafka cluster '%s'"))
	add("DELETE", "/kafka-clusters/{cluster}",
		noCluster("not found in the schema registry: kafka cluster named '%s'"))
	add("GET", "/subscriptions", nothing("subscriptions"))
	add("POST", "/subscriptions", unsupported("Kafka", "the subscription was not made"))
	add("GET", "/subscriptions/{subscription}", noSubscription("The requested subscription '%s' does not exist"))
	add("DELETE", "/subscriptions/{subscription}",
		noSubscription("not found in the schema registry: subscription with id '%s'"))

	add("PUT", "/limits/rules", setRules)
	add("POST", "/limits/rules/bulk-delete", deleteRules)
	const queue = "the queue was left as it is"
	add("POST", "/vqueues/{vqueue_id}/pause", unsupported("Flow control", queue))
	add("POST", "/vqueues/{vqueue_id}/resume", unsupported("Flow control", queue))
}

func notYet(what, consequence string) error {
	return failed(http.StatusNotImplemented, "%s is not supported by this server yet: %s", what, consequence)
}

func unsupported(what, consequence string) func(*request) (*response, error) {
	return func(*request) (*response, error) { return nil, notYet(what, consequence) }
}

// noCluster says that there is no Kafka cluster of the name in the path.
func noCluster(format string) func(*request) (*response, error) {
	return func(r *request) (*response, error) {
		return nil, failed(http.StatusNotFound, format, r.params["cluster"])
	}
}

// noSubscription says that there is no subscription with the ID in the path.
func noSubscription(format string) func(*request) (*response, error) {
	return func(r *request) (*response, error) {
		text := r.params["subscription"]
		if _, err := protocol.ParseSubscriptionID(text); err != nil {
			return nil, &plainError{http.StatusBadRequest, fmt.Sprintf(
				"Invalid URL: Cannot parse `subscription` with value `%s`: bad format", text)}
		}
		return nil, failed(http.StatusNotFound, format, text)
	}
}

// setRules sets no rules, if none are to be set.
func setRules(r *request) (*response, error) {
	var rules []any
	if err := readJSON(r, &rules); err != nil {
		return nil, err
	}
	if len(rules) > 0 {
		return nil, notYet("Flow control", "no rule was set")
	}
	return jsonResponse(http.StatusOK, []any{})
}

// deleteRules finds none of the rules that are to be deleted.
func deleteRules(r *request) (*response, error) {
	var rules []struct {
		Pattern  string  `json:"pattern"`
		Expected *uint32 `json:"expected_version"`
	}
	if err := readJSON(r, &rules); err != nil {
		return nil, err
	}
	for _, rule := range rules {
		if rule.Expected != nil {
			return nil, failed(http.StatusConflict,
				"rule precondition Matches(v%d) for pattern %s failed (actual version: None)",
				*rule.Expected, rule.Pattern)
		}
	}
	return jsonResponse(http.StatusOK, []any{})
}
