package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"
)

const (
	defaultAdmin   = "http://127.0.0.1:9070"
	explainTimeout = 30 * time.Second
	maxAnswerBytes = 16 << 20
)

// explanation is what the admin API says of an invocation.
type explanation struct {
	ID        string    `json:"id"`
	Target    string    `json:"target"`
	Status    string    `json:"status"`
	Since     time.Time `json:"modified_at"`
	Stalled   bool      `json:"stalled"`
	Repair    string    `json:"repair"`
	Advice    string    `json:"advice"`
	LastError string    `json:"last_failure"`
	ErrorCode string    `json:"last_failure_error_code"`
	WaitsFor  []struct {
		Cause    string     `json:"cause"`
		Name     string     `json:"name"`
		Proven   bool       `json:"proven"`
		Detail   string     `json:"detail"`
		Until    *time.Time `json:"until"`
		Position int        `json:"queue_position"`
	} `json:"waits_for"`
}

// runExplain prints what one invocation waits for, or all that are stalled.
func runExplain(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("perdure explain", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprint(stderr, "Usage: perdure explain [flags] INVOCATION_ID\n"+
			"       perdure explain [flags] --stalls\n\nFlags:\n")
		fs.PrintDefaults()
	}
	admin := fs.String("admin", "", "address of the admin API "+
		"(default: RESTATE_ADMIN_URL, else "+defaultAdmin+")")
	stalls := fs.Bool("stalls", false, "list all invocations that nothing will bring on")
	repair := fs.Bool("repair", false, "end the stall, if that loses nothing")
	asJSON := fs.Bool("json", false, "print the API's answer")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if *stalls == (fs.NArg() == 1) || fs.NArg() > 1 || *stalls && *repair {
		fs.Usage()
		return 2
	}
	for _, address := range []string{os.Getenv("RESTATE_ADMIN_URL"), defaultAdmin} {
		if *admin == "" {
			*admin = address
		}
	}
	c := explainClient{admin: strings.TrimSuffix(*admin, "/"), out: stdout, asJSON: *asJSON}
	var err error
	switch id := url.PathEscape(fs.Arg(0)); {
	case *stalls:
		err = c.stalls(ctx)
	case *repair:
		err = c.repair(ctx, id)
	default:
		err = c.one(ctx, id)
	}
	if err != nil {
		fmt.Fprintln(stderr, "perdure explain:", err)
		return 1
	}
	return 0
}

type explainClient struct {
	admin  string
	out    io.Writer
	asJSON bool
}

// ask sends one request and returns the body of an answer that is not a refusal.
func (c *explainClient) ask(ctx context.Context, method, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, explainTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, c.admin+path, nil)
	if err != nil {
		return nil, fmt.Errorf("%w; give the address as http://host:port with --admin", err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask the admin API: %w; is the server running, and --admin right?", err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswerBytes))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", c.admin, err)
	}
	if answer.StatusCode < 300 {
		return body, nil
	}
	var refusal struct{ Message string }
	if json.Unmarshal(body, &refusal) != nil || refusal.Message == "" {
		refusal.Message = strings.TrimSpace(string(body))
	}
	return nil, fmt.Errorf("%s: %s", answer.Status, refusal.Message)
}

func (c *explainClient) one(ctx context.Context, id string) error {
	body, err := c.ask(ctx, http.MethodGet, "/invocations/"+id+"/explain")
	if err != nil {
		return err
	}
	if c.asJSON {
		_, err = fmt.Fprintf(c.out, "%s\n", body)
		return err
	}
	var x explanation
	if err := json.Unmarshal(body, &x); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return c.print(&x)
}

func (c *explainClient) stalls(ctx context.Context) error {
	body, err := c.ask(ctx, http.MethodGet, "/internal/stalls")
	if err != nil {
		return err
	}
	if c.asJSON {
		_, err = fmt.Fprintf(c.out, "%s\n", body)
		return err
	}
	var list struct{ Stalls []explanation }
	if err := json.Unmarshal(body, &list); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	for i := range list.Stalls {
		if err := c.print(&list.Stalls[i]); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(c.out, "%d stalled\n", len(list.Stalls))
	return err
}

func (c *explainClient) repair(ctx context.Context, id string) error {
	if _, err := c.ask(ctx, http.MethodPost, "/internal/stalls/"+id+"/repair"); err != nil {
		return err
	}
	_, err := fmt.Fprintln(c.out, "repaired; ask again in a moment whether it goes on")
	return err
}

// print shows one explanation as a few lines for people.
func (c *explainClient) print(x *explanation) error {
	w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "%s\t%s\n", x.ID, x.Target)
	fmt.Fprintf(w, "status\t%s since %s\n", x.Status, x.Since.Format(time.RFC3339))
	for _, wait := range x.WaitsFor {
		sign := "yes"
		if !wait.Proven {
			sign = "NO"
		}
		what := wait.Cause
		if wait.Name != "" {
			what += " " + wait.Name
		}
		if wait.Position != 0 {
			what += fmt.Sprintf(" (place %d)", wait.Position)
		}
		if wait.Until != nil {
			what += " until " + wait.Until.Format(time.RFC3339)
		}
		fmt.Fprintf(w, "waits for\t%s\n  proven: %s\t%s\n", what, sign, wait.Detail)
	}
	if x.LastError != "" {
		fmt.Fprintf(w, "last failure\t%s %s\n", x.ErrorCode, x.LastError)
	}
	if x.Stalled {
		fmt.Fprintf(w, "STALLED\t%s\n", x.Advice)
	}
	return w.Flush()
}
