package cli

import (
	"errors"
	"fmt"

	"github.com/perdure/perdure/bench/cluster"
	"github.com/perdure/perdure/bench/report"
	"github.com/perdure/perdure/bench/target"
)

// withDefaultServers fills in the servers of "all": this module's against the reference.
func (t texts) withDefaultServers() texts {
	if len(t.servers) == 0 && t.ingress == "" && t.admin == "" {
		t.servers = []string{string(target.KindPerdure)}
	}
	if len(t.peers) == 0 {
		t.peers = []string{string(target.KindRestate)}
	}
	return t
}

func (c *config) readServers(raw texts) error {
	var problems []error
	for i, text := range append(raw.servers, raw.peers...) {
		spec, err := target.ParseSpec(text)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if spec.Kind == target.KindFloor && c.kind != "run" {
			problems = append(problems, fmt.Errorf("%s cannot be measured on the floor, "+
				"which keeps nothing; use run", c.kind))
		}
		if spec.Nodes > 0 && raw.nodes != 0 {
			spec.Nodes = raw.nodes
		}
		c.servers = append(c.servers, server{Spec: spec, role: c.role(spec, i, len(raw.servers))})
	}
	if n := raw.nodes; n != 0 && (n < cluster.MinNodes || n > cluster.MaxNodes) {
		problems = append(problems, fmt.Errorf("--nodes %d: give a number from %d to %d",
			n, cluster.MinNodes, cluster.MaxNodes))
	}
	problems = append(problems, c.readRunning(raw))
	if c.kind == report.KindAll && errors.Join(problems...) == nil {
		c.addStandIns(raw)
	}
	problems = append(problems, c.checkServers())
	return errors.Join(problems...)
}

// role says what the server at place i of the command line stands for.
func (c *config) role(spec target.Spec, i, servers int) report.Role {
	switch {
	case spec.Kind == target.KindFloor:
		return report.RoleFloor
	case i == 0:
		return report.RoleSubject
	case i >= servers:
		return report.RolePeer
	}
	return ""
}

func (c *config) readRunning(raw texts) error {
	if raw.ingress == "" && raw.admin == "" {
		return nil
	}
	spec, err := target.Running(raw.ingress, raw.admin, raw.pid)
	if err != nil {
		return fmt.Errorf("--ingress and --admin: %w", err)
	}
	if c.kind != "run" && c.kind != sqlCommand {
		return fmt.Errorf("%s needs servers that it may start and stop; use --server", c.kind)
	}
	c.servers = append(c.servers, server{Spec: spec})
	return nil
}

// addStandIns adds the floor and the first server with other numbers of partitions.
func (c *config) addStandIns(raw texts) {
	subject := c.servers[0].Spec
	if !raw.noFloor {
		c.servers = append(c.servers, server{
			Spec: target.Spec{Name: "floor", Kind: target.KindFloor}, role: report.RoleFloor,
		})
	}
	if subject.Kind != target.KindPerdure && subject.Kind != target.KindRestate {
		return
	}
	for _, partitions := range partitionCounts {
		c.servers = append(c.servers, server{
			Spec: subject.WithPartitions(partitions), role: report.RoleVariant,
		})
	}
}

func (c *config) checkServers() error {
	var problems []error
	names := map[string]bool{machineName: true}
	for _, server := range c.servers {
		if names[server.Name] {
			problems = append(problems, fmt.Errorf("two servers are called %s; "+
				"give one a name: name=N,...", server.Name))
		}
		names[server.Name] = true
	}
	if len(c.servers) == 0 {
		problems = append(problems, errors.New("no server to measure; "+
			"give --server, --peer, or --ingress and --admin"))
	}
	if len(c.servers) > maxServers {
		problems = append(problems, fmt.Errorf("%d servers, at most %d", len(c.servers), maxServers))
	}
	return errors.Join(problems...)
}
