package query

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"time"

	"github.com/perdure/perdure/admin/query/exec"
	"github.com/perdure/perdure/admin/query/expr"
	"github.com/perdure/perdure/admin/query/plan"
	"github.com/perdure/perdure/admin/query/sql"
	"github.com/perdure/perdure/admin/query/table"
)

// Config says what an Engine has and what its statements may take. Zero fields take their defaults.
type Config struct {
	// Tables are those of the schema "public".
	Tables table.Source
	// Schemas are further schemas: pg_catalog, say. information_schema is always there.
	Schemas []Schema
	// Functions are further functions by name. Default: none.
	Functions map[string]expr.Function
	// MemoryBytes bounds what all statements hold at once. Default: 1 GiB.
	MemoryBytes int64
	// StatementBytes bounds what one statement holds. Default: a quarter of MemoryBytes.
	StatementBytes int64
	// Statements is how many run at once; more wait their turn. Default: 16.
	Statements int
	// Waiting is how long a statement waits for its turn. Default: 10 seconds.
	Waiting time.Duration
	// Time is how long a statement may run. Default: 5 minutes.
	Time time.Duration
	// Rows is how many rows a statement may return. Default: 10,000,000.
	Rows int64
	// Parallel is how many partitions are read at once, by all statements together. Default: as many
	// as there are processors.
	Parallel int
	// Pace has the turns in which statements compute. Default: Parallel at a time, without rests.
	Pace *exec.Pace
	// User and Version are what current_user and version() say. Defaults: "perdure", "Perdure".
	User, Version string
	// Now is the time. Default: time.Now.
	Now func() time.Time
}

// Schema is a schema of tables.
type Schema struct {
	Name   string
	Tables table.Source
	// Implied: its tables are found without the schema's name too, after those of "public".
	Implied bool
}

func (c Config) withDefaults() Config {
	set(&c.MemoryBytes, 1<<30)
	set(&c.StatementBytes, c.MemoryBytes/4)
	set(&c.Statements, 16)
	set(&c.Waiting, 10*time.Second)
	set(&c.Time, 5*time.Minute)
	set(&c.Rows, 10_000_000)
	set(&c.Parallel, runtime.GOMAXPROCS(0))
	set(&c.User, "perdure")
	set(&c.Version, "Perdure")
	if c.Pace == nil {
		c.Pace = exec.NewPace(c.Parallel, nil)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Engine prepares and runs statements.
type Engine struct {
	cfg     Config
	schemas []Schema
	memory  *exec.Memory
	turns   chan struct{} // held by statements that run
	labels  bool          // see Session
}

// New makes an engine.
func New(cfg Config) *Engine {
	cfg = cfg.withDefaults()
	e := &Engine{
		cfg:    cfg,
		memory: exec.NewMemory(cfg.MemoryBytes, "all queries together may take"),
		turns:  make(chan struct{}, cfg.Statements),
	}
	e.schemas = append([]Schema{{Name: plan.Public, Tables: cfg.Tables, Implied: true}}, cfg.Schemas...)
	e.schemas = append(e.schemas, Schema{Name: information, Tables: &catalog{e}})
	return e
}

// Session is what a client's session adds to an engine.
type Session struct {
	// User is what current_user says; empty: as the engine is configured.
	User string
	// Schemas and Functions are known beside those of the engine.
	Schemas   []Schema
	Functions map[string]expr.Function
	// Labels: columns without an alias are called as PostgreSQL calls them.
	Labels bool
}

// With makes an engine for a session: it shares all limits, and what is running, with this one.
func (e *Engine) With(s Session) *Engine {
	own := *e
	set(&s.User, e.cfg.User)
	own.cfg.User, own.labels = s.User, s.Labels
	own.cfg.Functions = maps.Clone(e.cfg.Functions)
	if own.cfg.Functions == nil {
		own.cfg.Functions = map[string]expr.Function{}
	}
	maps.Copy(own.cfg.Functions, s.Functions)
	own.schemas = append(slices.Clone(e.schemas[:len(e.schemas)-1]), s.Schemas...) // found before those of its name
	own.schemas = append(own.schemas, Schema{Name: information, Tables: &catalog{&own}})
	return &own
}

// Schemas are the schemas of the engine, those that are made up among them.
func (e *Engine) Schemas() []Schema { return slices.Clone(e.schemas) }

// MemoryBytes is how much memory statements hold now.
func (e *Engine) MemoryBytes() int64 { return e.memory.Used() }

// ErrEmpty is the answer to a text without a statement.
var ErrEmpty = errors.New("there is no statement in the query")

// PanicError is a mistake of the engine's own, which ends a query.
type PanicError = exec.PanicError

// Column is one column of a result.
type Column struct {
	Name string
	Type table.Type
}

// Statement is a statement that can be run, several times if need be.
type Statement struct {
	// Columns are those of the rows.
	Columns []Column
	// Params are the types that parameters should have, $1 first. Null: any; text, for one.
	Params []table.Type

	engine  *Engine
	text    string
	query   *sql.Query
	explain *sql.Explain
	types   []table.Type // of the parameters, none Null
}

// Prepare parses and plans a text with one statement. The types are those of its parameters, $1
// first, as far as they are known; those that are missing or Null are found out. The error is a
// *sql.Error, ErrEmpty, or a *PanicError.
func (e *Engine) Prepare(text string, types ...table.Type) (s *Statement, err error) {
	defer exec.Caught(&err)
	s = &Statement{engine: e, text: text}
	if s.query, s.explain, err = e.parse(text); err != nil {
		return nil, err
	}
	planned, err := plan.Plan(s.query, e.env(nil, types, nil))
	if err != nil {
		return nil, err
	}
	s.Params = planned.Params
	if len(s.Params) > 0 {
		// What is computed from parameters has a type once they have.
		s.types = slices.Clone(s.Params)
		for i, t := range s.types {
			if t == table.Null {
				s.types[i] = table.String
			}
		}
		if planned, err = plan.Plan(s.query, e.env(nil, s.types, nil)); err != nil {
			return nil, err
		}
	}
	if s.explain != nil {
		s.Columns = []Column{{"plan_type", table.String}, {"plan", table.String}}
		return s, nil
	}
	for _, f := range planned.Node.Fields() {
		s.Columns = append(s.Columns, Column{f.Name, f.Type})
	}
	return s, nil
}

// parse gives the query of a text, and what it is to be explained by; nil: it is to be run.
func (e *Engine) parse(text string) (*sql.Query, *sql.Explain, error) {
	parsed, err := sql.Parse(text)
	if err != nil {
		return nil, nil, err
	}
	var query *sql.Query
	switch x := parsed.(type) {
	case *sql.Query:
		query = x
	case *sql.Explain:
		return x.Query, x, nil
	case *sql.Show:
		query, err = e.show(x)
	case *sql.Describe:
		query, err = e.describe(x)
	default:
		err = ErrEmpty
	}
	return query, nil, err
}

// env is what a statement is planned in.
func (e *Engine) env(params []table.Value, types []table.Type, run func(any, int) []expr.Row,
) plan.Env {
	env := plan.Env{
		Table: e.find, Now: e.cfg.Now(), User: e.cfg.User, Version: e.cfg.Version,
		Functions: e.cfg.Functions, Params: params, Types: types, Describing: run == nil, Run: run,
		Labels: e.labels,
	}
	for _, s := range e.schemas {
		for _, t := range s.Tables.Tables() {
			env.Names = append(env.Names, t.Name)
		}
	}
	return env
}

// find finds a table; without a schema among those that are implied.
func (e *Engine) find(schema, name string) (*table.Table, table.Source) {
	for _, s := range e.schemas {
		if s.Name != schema && (schema != "" || !s.Implied) {
			continue
		}
		tables := s.Tables.Tables()
		at := slices.IndexFunc(tables, func(t *table.Table) bool { return t.Name == name })
		if at >= 0 {
			return tables[at], s.Tables
		}
	}
	return nil, nil
}

// Run runs the statement with values for its parameters, of the types of Params (text for Null) or
// NULL, and hands each row to take, which must not
// keep it: its values are those of Columns, or NULL. An error of take ends the run and is returned.
// Other errors are *sql.Error, what ended ctx, or that a table cannot be read.
func (s *Statement) Run(ctx context.Context, params []table.Value, take func(row []table.Value) error,
) error {
	if err := s.engine.enter(ctx); err != nil {
		return err
	}
	defer func() { <-s.engine.turns }()
	ctx, cancel := context.WithTimeoutCause(ctx, s.engine.cfg.Time, sql.Errorf(sql.StateCancelled, -1,
		"the query took longer than %s", s.engine.cfg.Time).With("ask for less, or raise the limit"))
	defer cancel()
	memory := s.engine.memory.Part(s.engine.cfg.StatementBytes, "one query may take")
	defer memory.Release()
	env := s.engine.env(params, s.types, nil)
	runner := exec.New(ctx, exec.Config{
		Parallel: s.engine.cfg.Parallel, Pace: s.engine.cfg.Pace, Memory: memory, Statement: s.tell(&env),
	})
	env.Run, env.Describing = runner.Subquery, false
	planned, err := plan.Plan(s.query, env)
	if err != nil {
		return err
	}
	if s.explain != nil {
		return s.explained(runner, planned.Node, take)
	}
	var failed error
	rows := int64(0)
	err = runner.Run(planned.Node, func(row expr.Row) bool {
		if rows++; rows > s.engine.cfg.Rows {
			failed = sql.Errorf(sql.StateTooComplex, -1, "the query has more than %d rows",
				s.engine.cfg.Rows).With("use LIMIT, or raise the limit")
			return false
		}
		failed = take(row)
		return failed == nil
	})
	if failed != nil {
		return failed
	}
	return err
}

// enter waits until the statement may run.
func (e *Engine) enter(ctx context.Context) error {
	select {
	case e.turns <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(e.cfg.Waiting)
	defer timer.Stop()
	select {
	case e.turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return sql.Errorf(sql.StateTooManyQueries, -1, "%d queries are running and none has ended for %s",
			e.cfg.Statements, e.cfg.Waiting).With("try again later")
	}
}

// explained gives the plan as rows, and with ANALYZE how long it took.
func (s *Statement) explained(r *exec.Runner, n plan.Node, take func([]table.Value) error) error {
	kind, note := "plan", ""
	if s.explain.Analyze {
		began, rows := time.Now(), 0
		if err := r.Run(n, func(expr.Row) bool { rows++; return true }); err != nil {
			return err
		}
		kind = "plan with metrics"
		note = fmt.Sprintf("%d rows in %s\n", rows, time.Since(began).Round(time.Microsecond))
		if n := r.Delegated(); n > 0 {
			note += fmt.Sprintf("%d times a partition was computed by another node\n", n)
		}
	}
	return take([]table.Value{table.Text(kind), table.Text(plan.Describe(n) + note)})
}
