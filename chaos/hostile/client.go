package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	answerTimeout = 20 * time.Second // for the server to answer, or to close
	maxReplyBytes = 64 << 20
)

// reply is an answer, read to its end.
type reply struct {
	asked  string
	status int
	header http.Header
	body   []byte
}

func (r reply) String() string {
	return fmt.Sprintf("%s: %d %.300q", r.asked, r.status, r.body)
}

func newClient(h2 bool) *http.Client {
	t := &http.Transport{Protocols: new(http.Protocols), MaxIdleConnsPerHost: 2 * parallel}
	t.Protocols.SetHTTP1(!h2)
	t.Protocols.SetUnencryptedHTTP2(h2)
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

func newKey() string { return fmt.Sprintf("k%x", rand.Uint64()) }

// ask sends a request; header holds names and values in turn.
func (t *trial) ask(client *http.Client, method, url string, body io.Reader, header ...string,
) (reply, error) {
	req, err := http.NewRequestWithContext(t.ctx, method, url, body)
	if err != nil {
		return reply{}, err
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxReplyBytes))
	return reply{fmt.Sprintf("%s %.200s", method, url), resp.StatusCode, resp.Header, b}, err
}

// post sends text to the ingress.
func (t *trial) post(path, body string, header ...string) (reply, error) {
	return t.ask(t.client, http.MethodPost, "http://"+t.server.ingress+path,
		strings.NewReader(body), append(header, "content-type", "text/plain")...)
}

// manage sends JSON to the admin API.
func (t *trial) manage(method, path, body string) (reply, error) {
	return t.ask(t.client, method, "http://"+t.server.admin+path, strings.NewReader(body),
		"content-type", "application/json")
}

// send starts an invocation and returns its ID.
func (t *trial) send(path, body string) (string, error) {
	r, err := t.post(path+"/send", body)
	if err != nil {
		return "", err
	}
	var out struct {
		InvocationID string `json:"invocationId"`
	}
	if err := json.Unmarshal(r.body, &out); err != nil || r.status != http.StatusAccepted {
		return "", fmt.Errorf("want 202, got %s", r)
	}
	return out.InvocationID, nil
}

// get asks the ingress for the output of an invocation, or attaches to it.
func (t *trial) get(verb, id string) (reply, error) {
	return t.ask(t.client, http.MethodGet, "http://"+t.server.ingress+"/restate/"+verb+"/"+id, nil)
}

// closed stands in lists of statuses for a connection that is closed without an answer.
const closed = 0

// exchange sends bytes over a connection of their own and returns the status of the answer, or
// closed. It stops sending when the server stops reading.
func exchange(address string, sendClose bool, pieces ...[]byte) (int, string, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return 0, "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(answerTimeout))
	go func() {
		for _, p := range pieces {
			if _, err := c.Write(p); err != nil {
				return // the answer says why
			}
		}
		if sendClose {
			_ = c.(*net.TCPConn).CloseWrite()
		}
	}()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return 0, "", fmt.Errorf("neither an answer nor an end in %v", answerTimeout)
	}
	if err != nil {
		return closed, err.Error(), nil
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 300)) // the status is what counts
	return resp.StatusCode, string(b), nil
}

func oneOf(got int, body string, want []int) error {
	if slices.Contains(want, got) {
		return nil
	}
	return fmt.Errorf("got status %d %.300q, want one of %v (0: closed)", got, body, want)
}

// wantStatus is an error unless the answer has one of these statuses.
func wantStatus(r reply, err error, want ...int) error {
	if err != nil {
		return err
	}
	if err := oneOf(r.status, string(r.body), want); err != nil {
		return fmt.Errorf("%s: %w", r.asked, err)
	}
	return nil
}
