package target

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	adminTimeout   = 30 * time.Second
	maxAnswerBytes = 1 << 20
	retryInterval  = 100 * time.Millisecond
)

// Register tells the server of the services at uri. A cluster may be healthy before it can take
// them, so it is asked again until it does.
func (i *Instance) Register(ctx context.Context, uri string) error {
	body, err := json.Marshal(map[string]string{"uri": uri})
	if err != nil {
		return fmt.Errorf("register the services with %s: %w", i.spec.Name, err)
	}
	deadline := time.Now().Add(startTimeout)
	for {
		err = request(ctx, http.MethodPost, i.admin+"/deployments", body, nil)
		if err == nil {
			return nil
		}
		if i.spec.Nodes == 0 || ctx.Err() != nil || time.Now().After(deadline) {
			return fmt.Errorf("register the services with %s: %w%s", i.spec.Name, err, i.logTail())
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryInterval):
		}
	}
}

// Version returns what the server says of itself, empty if it does not.
func (i *Instance) Version(ctx context.Context) string {
	var answer struct {
		Version string `json:"version"`
	}
	if err := get(ctx, i.admin+"/version", &answer); err != nil {
		return ""
	}
	return answer.Version
}

// maxProfileBytes is far more than a profile takes.
const maxProfileBytes = 64 << 20

// Profile returns where the server spends its CPU time in the time d from now on, in the format of
// pprof. It fails with a server that is not written in Go or does not tell.
func (i *Instance) Profile(ctx context.Context, d time.Duration) ([]byte, error) {
	if i.node == "" {
		return nil, fmt.Errorf("profile %s: its debugging port is not known", i.spec.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, d+adminTimeout)
	defer cancel()
	url := fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", i.node, max(int(d.Seconds()), 1))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("profile %s: %w", i.spec.Name, err)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("profile %s: %w", i.spec.Name, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("profile %s: it answered %s", i.spec.Name, answer.Status)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxProfileBytes))
	if err != nil {
		return nil, fmt.Errorf("profile %s: %w", i.spec.Name, err)
	}
	return text, nil
}

func get(ctx context.Context, url string, into any) error {
	return request(ctx, http.MethodGet, url, nil, into)
}

// request wants a 2xx answer and decodes it into into, unless that is nil.
func request(ctx context.Context, method, url string, body []byte, into any) error {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, url, err)
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err // names method and address itself
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswerBytes))
	if err != nil {
		return fmt.Errorf("%s %s: read the answer: %w", method, url, err)
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("%s %s: answered %d: %.300s", method, url, answer.StatusCode, text)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s %s: decode the answer: %w", method, url, err)
	}
	return nil
}
