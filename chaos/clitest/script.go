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
	// editor is a shell script that edits the file $1, for commands that open an editor.
	editor string
	// until is what a command that does not end by itself is to print; then it is stopped, and all
	// that is compared is whether it did.
	until string
	// apart is what this server's output has where it is to differ from the reference server's: a
	// feature is not there, or docs/differences.md and docs/sql.md name it. The command fails then.
	apart string
}

func cli(args ...string) step { return step{args: args} }

func (s step) asWords() step { s.words = true; return s }

func (s step) editing(script string) step { s.editor = script; return s }

func (s step) watching(until string) step { s.until = until; return s }

func (s step) apartBy(text string) step { s.apart = text; return s }

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
	all = append(all, stateSteps()...)
	all = append(all, sqlSteps()...)
	all = append(all, absentSteps()...)
	all = append(all, configSteps()...)
	return append(all, removalSteps()...)
}

// untried are commands of the command line that are in no script, and why.
var untried = map[string]string{
	"dev":                          "starts a server that the command line brings along",
	"example":                      "downloads examples",
	"cloud login":                  "needs an account",
	"cloud environments configure": "needs an account",
	"cloud environments tunnel":    "needs an account",
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
		cli("services", "config", "edit", "GoOrder", "--yes").
			editing(`sed -i 's/^.*workflow_completion_retention = .*$/workflow_completion_retention = "4h"/' "$1"`),
		cli("services", "config", "view", "GoOrder"),
		cli("services", "config", "edit", "GoOrder", "--yes").editing(`echo nonsense > "$1"`),
		cli("services", "config", "edit", "Nobody", "--yes").editing(`true`),
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
		cli("invocations", "list", "--all", "--time-format", "rfc2822"),
		cli("invocations", "list", "--completion-result", "failure"),
		cli("invocations", "list", "--completion-result", "success", "--service", "GoStore"),
		cli("invocations", "list", "--status", "scheduled", "--status", "pending", "--status", "ready",
			"--status", "suspended", "--status", "paused"),
		cli("invocations", "list", "--status", "asleep"),
		cli("invocations", "list", "--all", "-w").watching("GoBasic"),
		cli("invocations", "describe", "inv_1nobody").apartBy("not found"),
		cli("invocations", "describe", "{inv}", "--time-format", "iso8601"),
		cli("invocations", "list").onSleeper(),
		cli("invocations", "pause", "GoBasic/sleep", "--yes", "--limit", "1"),
		cli("invocations", "describe", "{inv}"),
		cli("invocations", "resume", "GoBasic", "--yes", "--deployment", "latest"),
		cli("invocations", "resume", "GoBasic", "--yes", "--deployment", unknown),
		cli("invocations", "cancel", "GoBasic/sleep", "--yes", "--kill"),
		cli("invocations", "restart-as-new", "GoBasic/sleep", "--yes", "--limit", "1"),
		cli("invocations", "kill", "GoBasic/sleep", "--yes"),
		cli("invocations", "purge", "GoBasic/sleep", "--yes"),
		cli("invocations", "cancel", "Nobody", "--yes"),
		// Nobody answers the question, so nothing is done.
		cli("invocations", "kill", "GoBasic"),
		cli("invocations", "list", "--all"),
		cli("deployments", "list", "--extra").asWords(),
		cli("deployments", "describe", "{dp}", "--extra").asWords(),
	)
}

func stateSteps() []step {
	return []step{
		cli("state", "patch", "GoStore", "k", "--yes", "--patch", `[{"op":"add","path":"/a","value":1}]`),
		cli("state", "edit", "GoStore", "k", "--yes").editing(`echo '{"a": 2, "b": "two"}' > "$1"`),
		cli("state", "get", "GoStore", "k"),
		cli("state", "get", "GoStore", "k", "--binary"),
		cli("state", "edit", "GoStore", "k", "--yes").editing(`echo no JSON > "$1"`),
		cli("state", "edit", "GoStore", "k", "--yes").editing(`true`),
		cli("state", "edit", "GoStore", "new", "--yes").editing(`echo '{"c": [1, null]}' > "$1"`),
		cli("state", "get", "GoStore", "new"),
		cli("state", "edit", "GoBasic", "k", "--yes").editing(`echo '{"a": 2}' > "$1"`),
		cli("state", "get", "Nobody", "k"),
		// The reference server lists keys in no order: one is left.
		cli("state", "patch", "GoStore", "k", "--yes", "--patch", `[{"op":"remove","path":"/b"}]`),
		cli("state", "clear", "GoStore", "--yes"),
		cli("state", "get", "GoStore", "k"),
	}
}

func sqlSteps() []step {
	return []step{
		cli("sql", "select 1"),
		cli("sql", "select target, status from sys_invocation order by target, status"),
		cli("sql", "--json", "select target, status, completion_failure from sys_invocation"),
		cli("sql", "--jsonl", "select name, ty, public, revision from sys_service order by name"),
		cli("sql", "--jsonl", "select count(*) as n from sys_invocation where status = 'completed'"),
		cli("sql", "describe sys_promise"),
		cli("sql", "show tables"),
		cli("sql", "--json", "select 1 as a where false"),
		cli("sql", "--jsonl", "select 1 as a where false"),
		cli("sql", "--table-style", "borders", "select name from sys_service order by name"),
		cli("sql", "-w", "-n", "0.2", "select concat('here', 'abouts')").watching("hereabouts"),
	}
}

// absentSteps use Kafka and flow control, which this server has not: what there is of them is nothing,
// and what would make something fails with a reason.
func absentSteps() []step {
	const noKafka = "Kafka is not supported by this server yet"
	const noRules = "Flow control is not supported by this server yet"
	const subscription = "sub_14N5m3FLoJi4GuJ6rwL5Vvj"
	return []step{
		cli("kafka-clusters", "list"),
		cli("kafka-clusters", "describe", "c"),
		cli("kafka-clusters", "edit", "c", "--yes").editing(`true`),
		cli("kafka-clusters", "patch", "c", "--yes", "--set", "a=b"),
		cli("kafka-clusters", "delete", "c", "--yes"),
		cli("kafka-clusters", "create", "--yes", "c", "bootstrap.servers=127.0.0.1:1").apartBy(noKafka),
		cli("subscriptions", "list"),
		cli("subscriptions", "list", "--source", "kafka://c/t"),
		cli("subscriptions", "describe", subscription),
		cli("subscriptions", "delete", subscription, "--yes"),
		cli("subscriptions", "create", "kafka://nobody/t", "service://GoBasic/echo", "--yes").apartBy(noKafka),
		cli("vqueues", "list"),
		cli("vqueues", "describe", "vq_1"),
		cli("rules", "list"),
		cli("rules", "enable", "s/*", "--yes"),
		cli("rules", "disable", "s/*", "--yes"),
		cli("rules", "delete", "s/*", "--yes"),
		cli("rules", "set", "s/*", "--concurrency", "5", "--yes").apartBy(noRules),
	}
}

func configSteps() []step {
	return []step{
		cli("config", "view"),
		cli("config", "list-environments"),
		cli("config", "use-environment", "nowhere"),
		cli("config", "use-environment", "local"),
		cli("config", "edit").editing(`cat >> "$1" <<'end'
[local]
admin_base_url = "http://127.0.0.1:1"
end`),
		cli("config", "view"),
		cli("config", "list-environments"),
		cli("completions", "generate", "bash"),
		cli("completions", "generate", "zsh"),
		cli("completions", "install", "fish"),
	}
}

func removalSteps() []step {
	return []step{
		cli("deployments", "remove", unknown, "--yes"),
		cli("deployments", "remove", "{dp}", "--yes"),
		cli("deployments", "remove", "{dp}", "--yes", "--force"),
		cli("deployments", "remove", "{dp}", "--yes", "--force"),
	}
}
