package target

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

const maxRowsBytes = 64 << 20

// queryClient keeps a connection for each of many clients that ask at once.
var queryClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1024}}

// Query asks the server in SQL and returns its answer as JSON. The error shows what the server said.
func (i *Instance) Query(ctx context.Context, text string) ([]byte, error) {
	body, err := json.Marshal(map[string]string{"query": text})
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", i.spec.Name, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.admin+"/query", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", i.spec.Name, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	answer, err := queryClient.Do(req)
	if err != nil {
		return nil, err // names method and address itself
	}
	defer answer.Body.Close()
	rows, err := io.ReadAll(io.LimitReader(answer.Body, maxRowsBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("ask %s: read the answer: %w", i.spec.Name, err)
	case len(rows) > maxRowsBytes:
		return nil, fmt.Errorf("ask %s: the answer is longer than %d bytes", i.spec.Name, maxRowsBytes)
	case answer.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("ask %s: %s: %d: %.300s", i.spec.Name, text, answer.StatusCode, rows)
	}
	return rows, nil
}
