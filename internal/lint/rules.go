package lint

// module is the path of this module; packages are named relative to it.
const module = "github.com/perdure/perdure"

// layers is the picture of the guide, from top to bottom. Imports point down. A name with "/..."
// stands for the package and all below it, otherwise for the package alone; of two that match,
// the longer one counts.
var layers = [][]string{
	{"cmd/...", "bench/...", "chaos/..."},
	{"internal/node", "internal/operate"},
	{"ingress", "ingress/kafka", "admin", "admin/query/...", "admin/console", "partition"},
	{"partition/leader", "invoker", "cluster"},
	{"partition/machine", "partition/explain", "invoker/endpoint", "metadata/schema", "cluster/placement"},
	{"partition/store", "snapshot", "metadata", "cluster/link", "cluster/mux"},
	{"protocol/...", "bifrost/...", "internal/otlp"},
	{"protocol", "protocol/wire", "protocol/duration", "internal/objstore/...", "internal/clock"},
}

// sideways are the imports allowed within one layer.
var sideways = []edge{
	{"ingress/kafka", "ingress"},
	{"admin", "admin/query"},
	{"admin/query/...", "admin/query/..."},
	{"admin", "admin/console"},
	{"protocol/...", "protocol/journal"},
	{"protocol/noderpc", "protocol/command"},
	{"protocol/...", "protocol/wire"},
	{"bifrost", "bifrost/..."},
	{"bifrost/memlog", "bifrost"},
	{"internal/objstore/...", "internal/objstore"},
	{"cmd/...", "bench/cli"},
	{"bench/...", "bench/..."},
	{"chaos/...", "chaos/..."},
}

// outside are the packages without a layer: they import none of ours and none of ours imports
// them. The module's root only pins dependencies.
var outside = []string{".", "internal/lint", "internal/testrun"}

// fence narrows what a package may import further than its layer does: of ours, only what is
// listed.
type fence struct {
	from    string
	allowed []string
}

var fences = []fence{
	{"partition/machine", []string{"partition/store", "protocol", "protocol/..."}},
	// What measures and what tortures sees the system from outside, as users do; only the
	// simulation drives the cores.
	{"bench/...", []string{"bench/..."}},
	{"chaos/...", []string{"chaos/..."}},
}

// unfenced are the packages a wider fence does not apply to.
var unfenced = []string{"chaos/sim"}

// edge is an import of to by from.
type edge struct{ from, to string }

// library says who may import a library; a path stands for itself and everything below it.
type library struct {
	path    string
	users   []string
	inTests bool // test files are bound too
}

var libraries = []library{
	{"github.com/lni/dragonboat", []string{"bifrost/..."}, true},
	{"github.com/cockroachdb/pebble", []string{"partition/store", "metadata", "chaos/sim"}, false},
	{"github.com/minio/minio-go", []string{"internal/objstore"}, false},
	{"github.com/aws", []string{"invoker/endpoint"}, false},
	{"github.com/apache/arrow-go", []string{"admin/query/answer"}, false},
	{"github.com/jackc/pgx", []string{"admin/query/pgwire"}, false},
	{"github.com/restatedev/sdk-go", []string{"cmd/...", "bench/...", "chaos/..."}, false},
	{"net/http", []string{
		"ingress", "admin/...", "invoker/endpoint", "internal/node", "internal/operate", "internal/otlp",
		"cmd/...", "bench/...", "chaos/...",
	}, false},
}

// pure are the packages that must be functions of their inputs.
var pure = []string{"partition/machine"}

// impure are the packages of the standard library that bring in chance, time or the outside; a
// path stands for itself and everything below it.
var impure = []string{"math/rand", "crypto/rand", "os", "net", "sync", "context", "log"}

// clockNames are what package time offers beyond types and arithmetic on them.
var clockNames = []string{
	"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer",
	"Local", "LoadLocation",
}

// durable are the packages whose numbers are written to disk or wire and stay for ever.
var durable = []string{"protocol", "protocol/...", "partition/store"}

// markers are words that must not stand in a Go file. They are put together here so that this
// file does not contain them.
var markers = []string{"TO" + "DO", "FIX" + "ME"}

// homes are the beginnings of paths that exist on one machine only.
var homes = []string{
	"/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "/Us" + "ers/", "/tmp/he" + "lpers",
	`C:\Us` + "ers",
}

// placeholder is the home folder of nobody, for tests that need such a path.
const placeholder = "/ho" + "me/me/"
