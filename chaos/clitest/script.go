package main

// step is one command line. {uri} is the address of the scenario services, {dp} the first
// deployment that was registered, {inv} the last invocation that was started.
type step struct {
	args []string
	// sleeper starts an invocation that sleeps for long, before the command.
	sleeper bool
	// sql marks commands that need SQL introspection.
	sql bool
	// words compares the words of the output instead of its lines: tables with several rows to a
	// cell begin with whichever comes first, which the reference server leaves open.
	words bool
}

func cli(args ...string) step { return step{args: args} }

func (s step) asksSQL() step { s.sql = true; return s }

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
		cli("deployments", "list", "--extra").asWords().asksSQL(),
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
		cli("services", "status").asksSQL(),
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
	steps := []step{cli("invocations", "list").asksSQL().onSleeper()}
	for _, verb := range []string{
		"pause", "resume", "cancel", "kill", "purge", "restart-as-new",
	} {
		steps = append(steps, cli("invocations", verb, "{inv}", "--yes").asksSQL())
	}
	return append(steps,
		cli("invocations", "kill", "{inv}", "--yes").asksSQL().onSleeper(),
		cli("invocations", "restart-as-new", "{inv}", "--yes").asksSQL(),
		cli("invocations", "kill", "GoBasic", "--yes").asksSQL(),
		cli("invocations", "describe", "{inv}").asksSQL(),
		cli("state", "get", "GoStore", "k").asksSQL(),
		cli("state", "patch", "GoStore", "k", "--yes", "--patch", `[{"op":"add","path":"/a","value":1}]`).
			asksSQL(),
		cli("state", "get", "GoStore", "k").asksSQL(),
		cli("state", "clear", "GoStore/k", "--yes").asksSQL(),
		cli("state", "get", "GoStore", "k").asksSQL(),
		cli("rules", "list").asksSQL(),
		cli("sql", "select 1").asksSQL(),
	)
}

func removalSteps() []step {
	return []step{
		cli("deployments", "remove", unknown, "--yes"),
		cli("deployments", "remove", "{dp}", "--yes").asksSQL(),
		cli("deployments", "remove", "{dp}", "--yes", "--force").asksSQL(),
		cli("deployments", "remove", "{dp}", "--yes", "--force").asksSQL(),
	}
}
