package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// maxAnswerBytes is the largest answer a Client accepts.
const maxAnswerBytes = 64 << 20

// Client is one keep-alive HTTP/1.1 connection with one request in flight. It writes and reads on
// the caller's goroutine: on a small machine the driver shares the CPU with the server it
// measures, and a pooled client costs two goroutine switches per request.
type Client struct {
	address string // host:port
	timeout time.Duration

	conn    net.Conn
	release func() bool // stops watching the context of the current connection
	in      *bufio.Reader
	out     []byte
	answer  []byte
}

// NewClient returns a Client for address (host:port). It connects at the first request; each
// request, connecting included, may take at most timeout.
func NewClient(address string, timeout time.Duration) *Client {
	return &Client{address: address, timeout: timeout}
}

// Post sends body as JSON to path, or an empty request without a type if body is empty, and returns
// status and body of the answer. The returned bytes are valid until the next call. After an error
// the connection is replaced; the request is never repeated, because it may have taken hold.
func (c *Client) Post(ctx context.Context, path string, body []byte) (int, []byte, error) {
	if err := c.connect(ctx); err != nil {
		return 0, nil, err
	}
	if err := c.conn.SetDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, nil, c.fail(ctx, "set deadline", err)
	}
	if ctx.Err() != nil { // cancelled before the deadline above replaced the one in the past
		return 0, nil, c.fail(ctx, "send", ctx.Err())
	}
	out := append(c.out[:0], "POST "...)
	out = append(out, path...)
	out = append(out, " HTTP/1.1\r\nHost: "...)
	out = append(out, c.address...)
	if len(body) > 0 {
		out = append(out, "\r\nContent-Type: application/json"...)
	}
	out = append(out, "\r\nContent-Length: "...)
	out = strconv.AppendInt(out, int64(len(body)), 10)
	out = append(out, "\r\n\r\n"...)
	out = append(out, body...)
	c.out = out
	if _, err := c.conn.Write(out); err != nil {
		return 0, nil, c.fail(ctx, "send "+path, err)
	}
	return c.receive(ctx, path)
}

func (c *Client) receive(ctx context.Context, path string) (int, []byte, error) {
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, nil, c.fail(ctx, "read the answer of "+path, err)
	}
	if err := c.readBody(answer.Body); err != nil {
		return 0, nil, c.fail(ctx, "read the answer of "+path, err)
	}
	if answer.Close {
		c.Close()
	}
	return answer.StatusCode, c.answer, nil
}

func (c *Client) readBody(body io.ReadCloser) error {
	defer body.Close()
	c.answer = c.answer[:0]
	for {
		if len(c.answer) == cap(c.answer) {
			c.answer = append(c.answer, 0)[:len(c.answer)]
		}
		n, err := body.Read(c.answer[len(c.answer):cap(c.answer)])
		c.answer = c.answer[:len(c.answer)+n]
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case len(c.answer) > maxAnswerBytes:
			return fmt.Errorf("the body is longer than %d bytes", maxAnswerBytes)
		}
	}
}

func (c *Client) connect(ctx context.Context) error {
	if c.conn != nil {
		return nil
	}
	dialer := net.Dialer{Timeout: c.timeout}
	conn, err := dialer.DialContext(ctx, "tcp", c.address)
	if err != nil {
		return fmt.Errorf("connect to the server: %w", err)
	}
	c.conn, c.in = conn, bufio.NewReaderSize(conn, 4<<10)
	c.release = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return nil
}

func (c *Client) fail(ctx context.Context, what string, err error) error {
	c.Close()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Close releases the connection. A later Post opens a new one.
func (c *Client) Close() {
	if c.conn == nil {
		return
	}
	c.release()
	_ = c.conn.Close() // nothing is buffered for writing, so nothing can be lost here
	c.conn = nil
}
