package main

// step is one command line. {uri} is the address of the scenario services, {dp} the first
// deployment that was registered, {inv} the last invocation that was started.
type step struct {
	args []string
	// sleeper starts an invocation that sleeps for long, before the command.
	sleeper bool
	// words compares the words of the output instead of its lines: tables with several rows to a
	// cell begin with whichever comes first, which the reference server leaves open.
	words bool
}

func cli(args ...string) step { return step{args: args} }

func (s step) asWords() step { s.words = true; return s }

func (s step) onSleeper() step { s.sleeper = true; return s }

// nowhere is an address at which nobody listens, unknown an ID that nobody has.
const (
	nowhere = "http://127.0.0.1:1"
	unknown = "dp_10CX3nZXlxu4Jxw0SwwTLFP"
)

// script is what both servers are put through, in this order.
func script() []step {
	var all []step
	all = append(all, deploymentSteps()...)
	all = append(all, serviceSteps()...)
	all = append(all, invocationSteps()...)
	return append(all, removalSteps()...)
}

func deploymentSteps() []step {
	return []step{
		cli("whoami"),
		cli("deployments", "list"),
		cli("services", "list"),
		// Without --yes the dry run is shown and the question is left unanswered.
		cli("deployments", "register", "{uri}"),
		cli("deployments", "register", "{uri}", "--yes", "--metadata", "team=x",
			"--extra-header", "x-tag=one"),
		cli("deployments", "register", "{uri}", "--yes"),
		cli("deployments", "register", "{uri}", "--yes", "--force"),
		cli("deployments", "register", nowhere, "--yes"),
		cli("deployments", "register", nowhere, "--yes", "--use-http1.1"),
		cli("deployments", "register", "no/address", "--yes"),
		cli("deployments", "list").asWords(),
		cli("deployments", "list", "--extra").asWords(),
		cli("deployments", "describe", "{dp}"),
		cli("deployments", "describe", unknown),
	}
}

func serviceSteps() []step {
	return []step{
		cli("services", "list").asWords(),
		cli("services", "list", "--extra").asWords(),
		cli("services", "describe", "GoBasic"),
		cli("services", "describe", "GoStore"),
		cli("services", "describe", "GoOrder"),
		cli("services", "describe", "Nobody"),
		cli("services", "status"),
		cli("services", "config", "view", "GoBasic"),
		cli("services", "config", "view", "GoLazyStore"),
		cli("services", "config", "view", "GoOrder"),
		cli("services", "config", "view", "Nobody"),
		cli("services", "config", "patch", "GoBasic", "--yes", "--public", "false",
			"--journal-retention", "2h", "--idempotency-retention", "1h",
			"--inactivity-timeout", "30s", "--abort-timeout", "5m"),
		cli("services", "config", "view", "GoBasic"),
		cli("services", "config", "patch", "GoBasic", "--yes", "--public", "true"),
		cli("services", "config", "patch", "GoBasic", "--yes",
			"--workflow-completion-retention", "3h"),
		cli("services", "config", "patch", "GoBasic", "--yes", "--abort-timeout", "soon"),
		cli("services", "config", "patch", "GoOrder", "--yes",
			"--workflow-completion-retention", "3h"),
		cli("services", "config", "view", "GoOrder"),
		// The next discovery forgets what was patched.
		cli("deployments", "register", "{uri}", "--yes", "--force"),
		cli("services", "config", "view", "GoBasic"),
	}
}

func invocationSteps() []step {
	steps := []step{cli("invocations", "list").onSleeper()}
	for _, verb := range []string{
		"pause", "resume", "cancel", "kill", "purge", "restart-as-new",
	} {
		steps = append(steps, cli("invocations", verb, "{inv}", "--yes"))
	}
	return append(steps,
		cli("invocations", "kill", "{inv}", "--yes").onSleeper(),
		cli("invocations", "restart-as-new", "{inv}", "--yes"),
		cli("invocations", "kill", "GoBasic", "--yes"),
		cli("invocations", "describe", "{inv}"),
		cli("state", "get", "GoStore", "k"),
		cli("state", "patch", "GoStore", "k", "--yes", "--patch", `[{"op":"add","path":"/a","value":1}]`),
		cli("state", "get", "GoStore", "k"),
		cli("state", "clear", "GoStore/k", "--yes"),
		cli("state", "get", "GoStore", "k"),
		cli("rules", "list"),
		cli("services", "status"),
		cli("services", "status", "GoBasic"),
		cli("invocations", "list", "--all"),
		cli("invocations", "list", "--service", "GoBasic", "--handler", "sleep"),
		cli("invocations", "list", "--status", "completed"),
		cli("invocations", "list", "--status", "running", "--status", "backing-off"),
		cli("invocations", "list", "--deployment", "{dp}"),
		cli("invocations", "list", "--virtual-objects-only"),
		cli("invocations", "list", "--service", "GoStore", "--key", "k"),
		cli("invocations", "list", "--zombie"),
		cli("invocations", "list", "--oldest-first", "--limit", "1"),
		cli("deployments", "list", "--extra").asWords(),
		cli("deployments", "describe", "{dp}", "--extra").asWords(),
		cli("sql", "select 1"),
		cli("sql", "select target, status from sys_invocation order by target, status"),
		cli("sql", "--json", "select target, status, completion_failure from sys_invocation"),
		cli("sql", "--jsonl", "select name, ty, public, revision from sys_service order by name"),
		cli("sql", "--jsonl", "select count(*) as n from sys_invocation where status = 'completed'"),
		cli("sql", "describe sys_promise"),
	)
}

func removalSteps() []step {
	return []step{
		cli("deployments", "remove", unknown, "--yes"),
		cli("deployments", "remove", "{dp}", "--yes"),
		cli("deployments", "remove", "{dp}", "--yes", "--force"),
		cli("deployments", "remove", "{dp}", "--yes", "--force"),
	}
}
