package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// MaxLocalNodes is how many nodes a local cluster may have: their ports must not meet.
const MaxLocalNodes = 9

// Ports of the first node of a local cluster; each further node has the next ones.
const (
	firstIngress = 8080
	firstAdmin   = 9070
	firstFabric  = 5122
)

const (
	localPoll        = 50 * time.Millisecond
	localStopTimeout = 30 * time.Second // after SIGTERM, before SIGKILL
	outputDelay      = time.Second      // for output to be let go of
)

// Local is a whole cluster on this machine, for trying things.
type Local struct {
	Program     []string // that runs a node, configured by its environment
	Nodes       int      // 1 to MaxLocalNodes
	Zones       int      // over which the nodes are spread, 1 to Nodes
	Replication int      // 0: 3, or as many as there are nodes
	Dir         string   // each node keeps its data in a folder of its own below it
	Out         io.Writer
}

// Run starts the nodes and returns when ctx has ended and so have they, or with an error when one
// ends before that. Their output goes to files beside their data.
func (l Local) Run(ctx context.Context) error {
	if l.Nodes < 1 || l.Nodes > MaxLocalNodes || l.Zones < 1 || l.Zones > l.Nodes {
		return fmt.Errorf("run %d nodes in %d zones: there may be 1 to %d nodes, in at most as many zones",
			l.Nodes, l.Zones, MaxLocalNodes)
	}
	if l.Replication == 0 {
		l.Replication = min(3, l.Nodes)
	}
	if err := os.MkdirAll(l.Dir, 0o755); err != nil {
		return fmt.Errorf("make the directory of the cluster: %w", err)
	}
	ended := make(chan error, l.Nodes)
	var started []*exec.Cmd
	var err error
	for i := range l.Nodes {
		var c *exec.Cmd
		if c, err = l.start(i); err != nil {
			break
		}
		started = append(started, c)
		go func() { ended <- l.whyEnded(i, c.Wait()) }()
	}
	left := len(started)
	if err == nil {
		ready, cancel := context.WithCancel(ctx)
		go l.announce(ready)
		select {
		case <-ctx.Done():
			fmt.Fprintln(l.Out, "stopping")
		case err = <-ended:
			left--
		}
		cancel()
	}
	stopAll(started, ended, left)
	return err
}

func (l Local) start(i int) (*exec.Cmd, error) {
	log, err := os.OpenFile(l.logPath(i), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the log of a node: %w", err)
	}
	defer func() { _ = log.Close() }() // the child has its own
	c := exec.Command(l.Program[0], l.Program[1:]...)
	c.Env = append(os.Environ(), l.environment(i)...)
	c.Stdout, c.Stderr, c.SysProcAttr, c.WaitDelay = log, log, nodeAttributes(), outputDelay
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("start node %s: %w", localName(i), err)
	}
	return c, nil
}

func localName(i int) string { return "n" + strconv.Itoa(i+1) }

func (l Local) logPath(i int) string { return filepath.Join(l.Dir, localName(i)+".log") }

// environment is what node i is told.
func (l Local) environment(i int) []string {
	port := func(first int) string { return "127.0.0.1:" + strconv.Itoa(first+i) }
	var seeds []string
	for j := range min(3, l.Nodes) {
		seeds = append(seeds, strconv.Quote(fmt.Sprintf("http://127.0.0.1:%d", firstFabric+j)))
	}
	return []string{
		"PERDURE_CLUSTER_NAME=local", "PERDURE_NODE_NAME=" + localName(i), "PERDURE_BASE_DIR=" + l.Dir,
		fmt.Sprintf("PERDURE_LOCATION=local.zone-%d", i%l.Zones+1), "PERDURE_LISTEN_MODE=tcp",
		"PERDURE_BIND_ADDRESS=" + port(firstFabric), "PERDURE_ADMIN__BIND_ADDRESS=" + port(firstAdmin),
		"PERDURE_INGRESS__BIND_ADDRESS=" + port(firstIngress), "PERDURE_AUTO_PROVISION=true",
		"PERDURE_METADATA_CLIENT__ADDRESSES=[" + strings.Join(seeds, ",") + "]",
		"PERDURE_DEFAULT_REPLICATION=" + strconv.Itoa(l.Replication), "PERDURE_LOG_DISABLE_ANSI_CODES=true",
	}
}

// whyEnded says how a node ended, with its last words.
func (l Local) whyEnded(i int, err error) error {
	if err == nil {
		err = errors.New("exit status 0")
	}
	const most = 1000
	words, _ := os.ReadFile(l.logPath(i)) // without them, the status has to do
	return fmt.Errorf("node %s ended: %w; its log %s ends with:\n%s", localName(i), err, l.logPath(i),
		words[max(0, len(words)-most):])
}

// announce says once that the cluster serves.
func (l Local) announce(ctx context.Context) {
	began := time.Now()
	for i := range l.Nodes {
		for !answers(ctx, fmt.Sprintf("http://127.0.0.1:%d/restate/health", firstIngress+i)) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(localPoll):
			}
		}
	}
	fmt.Fprintf(l.Out, "%d nodes in %d zones, replication %d, serve after %v; data and logs in %s\n",
		l.Nodes, l.Zones, l.Replication, time.Since(began).Round(time.Millisecond), l.Dir)
	for i := range l.Nodes {
		fmt.Fprintf(l.Out, "  %s  zone-%d  ingress http://127.0.0.1:%d  admin http://127.0.0.1:%d\n",
			localName(i), i%l.Zones+1, firstIngress+i, firstAdmin+i)
	}
	fmt.Fprintln(l.Out, "Ctrl-C stops all; the same command starts them again.")
}

func answers(ctx context.Context, url string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// stopAll asks nodes to end, and kills those that have not in time.
func stopAll(started []*exec.Cmd, ended <-chan error, left int) {
	for _, c := range started {
		_ = c.Process.Signal(syscall.SIGTERM) // fails only when it has ended already
	}
	timer := time.NewTimer(localStopTimeout)
	defer timer.Stop()
	for left > 0 {
		select {
		case <-ended:
			left--
		case <-timer.C:
			for _, c := range started {
				_ = c.Process.Kill()
			}
		}
	}
}
