package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Limits of a cluster.
const (
	MinNodes = 3
	MaxNodes = 9

	stopTimeout = 10 * time.Second // after SIGTERM, before SIGKILL
	outputDelay = time.Second      // for what a node leaves behind to let go of its output
)

// name is the cluster's own.
const name = "bench"

// Config describes the nodes. Apart from names, ports and what makes them a cluster, they run with
// their defaults.
type Config struct {
	// Prefix is that of the environment variables the server reads: PERDURE or RESTATE.
	Prefix string

	// Program is the server's command line.
	Program []string

	Nodes      int    // MinNodes to MaxNodes
	Partitions int    // 0 is the server's default
	Dir        string // the nodes keep their data below it

	// Ports of the first node, which is the one that is called. The others get free ones.
	Ingress, Admin, Node string
}

// Validate reports every problem at once.
func (c Config) Validate() error {
	var problems []error
	if c.Nodes < MinNodes || c.Nodes > MaxNodes {
		problems = append(problems,
			fmt.Errorf("%d nodes: give a number from %d to %d", c.Nodes, MinNodes, MaxNodes))
	}
	if len(c.Program) == 0 {
		problems = append(problems, errors.New("no program to run"))
	}
	if c.Prefix == "" || c.Dir == "" || c.Ingress == "" || c.Admin == "" || c.Node == "" {
		problems = append(problems,
			errors.New("give the prefix, the directory and the three ports of the first node"))
	}
	return errors.Join(problems...)
}

// node is what tells one node from the others.
type node struct {
	name                 string
	ingress, admin, port string
}

// Run starts the nodes, with their output going to log, and returns when ctx has ended and so have
// they. It returns an error when a node ends before that.
func Run(ctx context.Context, cfg Config, log io.Writer) error {
	if err := cfg.Validate(); err != nil {
		return fmt.Errorf("run a cluster: %w", err)
	}
	nodes, err := cfg.nodes()
	if err != nil {
		return fmt.Errorf("run a cluster: pick ports: %w", err)
	}
	ended := make(chan error, len(nodes))
	var started []*exec.Cmd
	for i, node := range nodes {
		command := exec.Command(cfg.Program[0], cfg.Program[1:]...)
		command.Env = append(os.Environ(), cfg.environment(nodes, i)...)
		command.Stdout, command.Stderr = log, log
		command.SysProcAttr, command.WaitDelay = nodeAttributes(), outputDelay
		if err = command.Start(); err != nil {
			err = fmt.Errorf("run a cluster: start node %s: %w", node.name, err)
			break
		}
		started = append(started, command)
		go func() { ended <- fmt.Errorf("node %s ended: %v", node.name, command.Wait()) }()
	}
	left := len(started)
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-ended:
			left--
		}
	}
	stop(started, ended, left)
	if err != nil {
		return fmt.Errorf("run a cluster: %w", err)
	}
	return nil
}

// stop asks all nodes to end and kills those that have not in time.
func stop(started []*exec.Cmd, ended <-chan error, left int) {
	for _, command := range started {
		_ = command.Process.Signal(syscall.SIGTERM) // fails only when it has ended already
	}
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	for left > 0 {
		select {
		case <-ended:
			left--
		case <-timer.C:
			for _, command := range started {
				_ = command.Process.Kill()
			}
		}
	}
}

// nodes gives every node its ports. All are held until all are known.
func (c Config) nodes() ([]node, error) {
	nodes := []node{{name: "n1", ingress: c.Ingress, admin: c.Admin, port: c.Node}}
	for i := 2; i <= c.Nodes; i++ {
		var ports [3]string
		for at := range ports {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return nil, err
			}
			defer listener.Close()
			ports[at] = strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
		}
		nodes = append(nodes, node{"n" + strconv.Itoa(i), ports[0], ports[1], ports[2]})
	}
	return nodes, nil
}

// environment is what node i is told. The first one makes the cluster, the others wait for it.
func (c Config) environment(nodes []node, i int) []string {
	own := nodes[i]
	addresses := make([]string, len(nodes))
	for at, node := range nodes {
		addresses[at] = strconv.Quote("http://127.0.0.1:" + node.port)
	}
	settings := [][2]string{
		{"CLUSTER_NAME", name},
		{"NODE_NAME", own.name},
		{"BASE_DIR", c.Dir},
		{"BIND_ADDRESS", "127.0.0.1:" + own.port},
		{"ADVERTISED_ADDRESS", "http://127.0.0.1:" + own.port},
		{"INGRESS__BIND_ADDRESS", "127.0.0.1:" + own.ingress},
		{"ADMIN__BIND_ADDRESS", "127.0.0.1:" + own.admin},
		{"LISTEN_MODE", "tcp"},
		{"LOG_FILTER", "warn"},
		{"AUTO_PROVISION", strconv.FormatBool(i == 0)},
		{"METADATA_CLIENT__ADDRESSES", "[" + strings.Join(addresses, ",") + "]"},
		{"DEFAULT_REPLICATION", strconv.Itoa(c.replication())},
	}
	if c.Partitions > 0 {
		settings = append(settings, [2]string{"DEFAULT_NUM_PARTITIONS", strconv.Itoa(c.Partitions)})
	}
	env := []string{"DO_NOT_TRACK=1"}
	for _, setting := range settings {
		env = append(env, c.Prefix+"_"+setting[0]+"="+setting[1])
	}
	return env
}

// replication is how many copies make both kinds of servers survive the loss of a minority of
// three nodes: the reference counts the copies that must exist before it acknowledges, this
// project those that there are.
func (c Config) replication() int {
	if c.Prefix == "RESTATE" {
		return 2
	}
	return 3
}
