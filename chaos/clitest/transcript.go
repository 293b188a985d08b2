package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/creack/pty"

	"github.com/perdure/perdure/chaos/process"
)

const (
	commandTimeout = 60 * time.Second // one command line
	requestTimeout = 60 * time.Second // one request of the script's own
	pollEvery      = 50 * time.Millisecond
)

// session puts one server through the script.
type session struct {
	server  *process.Server
	binary  string // of the command line
	home    string // its configuration
	uri     string // of the scenario services
	dp, inv string
}

// replaced are what differs from run to run.
var replaced = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`\bdp_1[0-9A-Za-z]{22}\b`), "<dp>"},
	{regexp.MustCompile(`\binv_1[0-9A-Za-z]{33}\b`), "<inv>"},
	{regexp.MustCompile(`\w{3},? \d{2} \w{3} \d{4} [\d:]+ \+00:00`), "<time>"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z`), "<time>"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d [\d:.]+ \+00:00`), "<time>"},
	{regexp.MustCompile(`\((just )?now( ago)?\)`), "(<span>)"},
	// The reference server makes up idempotency keys; the differences say why this one does not.
	{regexp.MustCompile(`(?m)^.*Idempotency key:.*01[0-9A-Z]{24}.*$`), ""},
	{regexp.MustCompile(`\bPT[\d.]+S\b`), "<span>"},
	{regexp.MustCompile(`Query took .*`), "Query took <time>"},
	{regexp.MustCompile(`\d+ (seconds?|minutes?|ms|milliseconds?)( and \d+ \w+)?( ago)?`), "<span>"},
	// Why something could not be reached is for each server to say; the code is not.
	{regexp.MustCompile(`(\[META0003\] \[META0003\]).*(\nReason:.*)?`), "$1 <reason>"},
	{regexp.MustCompile(`[ \t]+`), " "},
	{regexp.MustCompile(`[─―╌┼]+`), "-"},
}

// normal brings the output of a command into the form that is compared.
func (s *session) normal(st step, output string) []string {
	output = strings.NewReplacer(
		s.server.Admin, "http://<admin>", s.server.Ingress, "http://<ingress>",
		s.uri, "http://<services>", s.home, "<home>").Replace(output)
	for _, r := range replaced {
		output = r.pattern.ReplaceAllString(output, r.with)
	}
	parts := strings.Split(output, "\n")
	if st.words {
		parts = strings.Fields(output)
	}
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	slices.Sort(parts)
	return slices.DeleteFunc(parts, func(s string) bool { return s == "" })
}

// run runs one step and returns what was printed, the exit code last. The error tells that it could
// not be run; a command that fails is an answer like any other.
func (s *session) run(ctx context.Context, st step) (string, error) {
	if st.sleeper {
		if err := s.startSleeper(ctx); err != nil {
			return "", err
		}
	}
	editor := filepath.Join(s.home, "editor")
	if err := os.WriteFile(editor, []byte("#!/bin/sh\n"+st.editor+"\n"), 0o755); err != nil {
		return "", fmt.Errorf("write the editor: %w", err)
	}
	fill := strings.NewReplacer("{uri}", s.uri, "{dp}", s.dp, "{inv}", s.inv)
	args := make([]string, len(st.args))
	for i, arg := range st.args {
		args[i] = fill.Replace(arg)
	}
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "RESTATE_") || strings.HasPrefix(v, "CI=")
	}), "RESTATE_ADMIN_URL="+s.server.Admin, "RESTATE_CLI_CONFIG_HOME="+s.home, "HOME="+s.home,
		"NO_COLOR=1", "DO_NOT_TRACK=1", "TZ=UTC", "EDITOR="+editor, "VISUAL="+editor)
	if st.until != "" {
		return watch(ctx, cmd, st.until)
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		return "", fmt.Errorf("run %v: %w\n%s", args, errors.Join(err, ctx.Err()), out)
	}
	if s.dp == "" {
		s.dp = replaced[0].pattern.FindString(string(out))
	}
	return fmt.Sprintf("%s\nexit code %d\n", out, cmd.ProcessState.ExitCode()), nil
}

// watch runs a command that does not end by itself, on a terminal, without which it refuses to start,
// until it has printed the text.
func watch(ctx context.Context, cmd *exec.Cmd, text string) (string, error) {
	terminal, err := pty.Start(cmd)
	if err != nil {
		return "", fmt.Errorf("start %v on a terminal: %w", cmd.Args, err)
	}
	defer terminal.Close()
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	var printed bytes.Buffer
	for b := make([]byte, 4096); err == nil && !bytes.Contains(printed.Bytes(), []byte(text)); {
		var n int
		n, err = terminal.Read(b)
		printed.Write(b[:n])
		if bytes.Contains(b[:n], []byte("\x1b[6n")) { // it asks the terminal where the cursor is
			_, err = io.WriteString(terminal, "\x1b[1;1R")
		}
	}
	_ = cmd.Process.Kill() // it has ended by itself: then it has not printed the text
	_ = cmd.Wait()
	if !bytes.Contains(printed.Bytes(), []byte(text)) {
		return "", fmt.Errorf("wait until %v prints %q: %w; it has printed:\n%s",
			cmd.Args, text, errors.Join(ctx.Err(), err), &printed)
	}
	return text + "\n", nil
}

// startSleeper starts an invocation that does not end by itself.
func (s *session) startSleeper(ctx context.Context) error {
	body, err := s.post(ctx, s.server.Ingress+"/GoBasic/sleep/send", `{"millis":3600000}`)
	if err != nil {
		return err
	}
	var sent struct {
		ID string `json:"invocationId"`
	}
	if err := json.Unmarshal(body, &sent); err != nil || sent.ID == "" {
		return fmt.Errorf("start an invocation: unexpected answer %s", body)
	}
	s.inv = sent.ID
	return s.awaitSleep(ctx)
}

// awaitSleep waits until the invocation has begun to sleep: how far it is shows in what is printed.
func (s *session) awaitSleep(ctx context.Context) error {
	query, err := json.Marshal(map[string]string{
		"query": "SELECT id FROM sys_invocation WHERE id = '" + s.inv + "' AND journal_size >= 2",
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	for {
		body, err := s.post(ctx, s.server.Admin+"/query", string(query))
		if err == nil && bytes.Contains(body, []byte(s.inv)) {
			return nil
		}
		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
			return fmt.Errorf("wait until %s sleeps: %w; the last answer was %s", s.inv,
				errors.Join(ctx.Err(), err), body)
		}
	}
}

func (s *session) post(ctx context.Context, url, body string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewBufferString(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", url, err)
	}
	if res.StatusCode/100 != 2 {
		return nil, fmt.Errorf("POST %s: status %d: %s", url, res.StatusCode, got)
	}
	return got, nil
}

// difference lists what only one of the two has; both are sorted. It is empty if they are equal.
func difference(want, got []string) string {
	var b strings.Builder
	for len(want) > 0 || len(got) > 0 {
		switch {
		case len(got) == 0 || len(want) > 0 && want[0] < got[0]:
			fmt.Fprintf(&b, "  only the reference server: %s\n", want[0])
			want = want[1:]
		case len(want) == 0 || got[0] < want[0]:
			fmt.Fprintf(&b, "  only this server: %s\n", got[0])
			got = got[1:]
		default:
			want, got = want[1:], got[1:]
		}
	}
	return b.String()
}
