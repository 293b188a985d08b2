package operate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/perdure/perdure/cluster"
)

const (
	requestTimeout = 15 * time.Second // for one request
	maxAnswerBytes = 64 << 20
)

// Client talks to the admin API of a node.
type Client struct {
	// Admin is its address, http://host:port.
	Admin string
}

// Status is how the cluster is, as the node sees it.
func (c Client) Status(ctx context.Context) (s cluster.Status, err error) {
	err = c.ask(ctx, http.MethodGet, "/cluster/status", nil, &s)
	return s, err
}

// Order has the cluster do something; path names what below /cluster, with its parts in order.
func (c Client) Order(ctx context.Context, body any, path ...string) (s cluster.Status, err error) {
	for i, part := range path {
		path[i] = url.PathEscape(part)
	}
	err = c.ask(ctx, http.MethodPost, "/cluster/"+strings.Join(path, "/"), body, &s)
	return s, err
}

// Provision has a node that waits for a cluster begin one. It is asked at its address for other
// nodes.
func Provision(ctx context.Context, node string) (name string, err error) {
	var answer struct {
		Name string `json:"name"`
	}
	err = Client{node}.ask(ctx, http.MethodPost, "/cluster/provision", nil, &answer)
	return answer.Name, err
}

// RefusedError is a refusal of the cluster. Asking again does not help.
type RefusedError struct{ Text string }

// Error implements error.
func (e *RefusedError) Error() string { return e.Text }

func (c Client) ask(ctx context.Context, method, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var payload io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.Admin, "/")+path, payload)
	if err != nil {
		return fmt.Errorf("%w; give addresses as http://host:port", err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("ask %s: %w; does the node run, and is the address right?", c.Admin, err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes))
	switch {
	case err != nil:
		return fmt.Errorf("read the answer of %s: %w", c.Admin, err)
	case resp.StatusCode == http.StatusConflict, resp.StatusCode == http.StatusBadRequest:
		return &RefusedError{strings.TrimSpace(string(b))}
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%s answered %s: %s", c.Admin, resp.Status, strings.TrimSpace(string(b)))
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.Admin, err)
	}
	return nil
}
