package workload

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/perdure/perdure/bench/load"
)

// Limits of the payload of echo and three-step, in bytes.
const (
	DefaultPayload = 32
	MaxPayload     = 16 << 20
)

const (
	manyKeys    = 1000 // objects of counter-1000
	chainLength = 3    // calls of chain3
)

// Config is what all scenarios take.
type Config struct {
	// Run makes keys unique: two scenarios with different values never meet. Letters and digits.
	Run string

	// Payload is the length of the input in bytes, for the scenarios that TakesPayload.
	Payload int

	// Clients is how many clients will call Next.
	Clients int
}

// Scenario is a stream of calls.
type Scenario interface {
	// Next returns the next request of a client, numbered from 0.
	Next(client int) load.Request

	// Verify returns an error if the server's state does not agree with the answers it gave. No
	// call may be running. A scenario of which some calls failed cannot be verified.
	Verify(ctx context.Context, client *load.Client) error
}

var scenarios = map[string]func(Config) Scenario{
	"three-step":   newThreeStep,
	"echo":         newEcho,
	"counter-hot":  func(cfg Config) Scenario { return newCounter(cfg, 1) },
	"counter-1000": func(cfg Config) Scenario { return newCounter(cfg, manyKeys) },
	"chain3":       func(Config) Scenario { return newTree(chainService, chainLength, chainLength) },
	"fan-out-100":  func(Config) Scenario { return newTree(fanOutService, 100, leavesResult(100)) },
	"fan-out-1000": func(Config) Scenario { return newTree(fanOutService, 1000, leavesResult(1000)) },
}

// Names returns the known scenarios in the order in which reports show them.
func Names() []string {
	return []string{
		"three-step", "echo", "counter-hot", "counter-1000", "chain3", "fan-out-100", "fan-out-1000",
	}
}

// TakesPayload reports whether the size of the input of a scenario can be chosen.
func TakesPayload(name string) bool { return name == "three-step" || name == "echo" }

// New returns the scenario of that name.
func New(name string, cfg Config) (Scenario, error) {
	build, ok := scenarios[name]
	if !ok {
		return nil, fmt.Errorf("unknown scenario %q; choose from %s",
			name, strings.Join(Names(), ", "))
	}
	if cfg.Payload < 0 || cfg.Payload > MaxPayload {
		return nil, fmt.Errorf("a payload of %d bytes: give a number from 0 to %d",
			cfg.Payload, MaxPayload)
	}
	return build(cfg), nil
}

// payload is a JSON string of n bytes, quotes not counted: always the same letters, in an order
// that a server cannot compress much.
func payload(n int) []byte {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	random := rand.NewChaCha8([32]byte{})
	text := make([]byte, 0, n+2)
	text = append(text, '"')
	for range n {
		text = append(text, letters[random.Uint64()%uint64(len(letters))])
	}
	return append(text, '"')
}

func expect(path string, want []byte) func([]byte) error {
	return func(answer []byte) error {
		if !bytes.Equal(bytes.TrimSpace(answer), want) {
			return fmt.Errorf("%s answered %.100q, want %.100q", path, answer, want)
		}
		return nil
	}
}

// stateless is a scenario that leaves nothing behind to look at.
type stateless struct{}

func (stateless) Verify(context.Context, *load.Client) error { return nil }

type echoScenario struct {
	stateless
	request load.Request
}

func newEcho(cfg Config) Scenario {
	const path = "/" + echoService + "/echo"
	body := payload(cfg.Payload)
	return echoScenario{request: load.Request{Path: path, Body: body, Check: expect(path, body)}}
}

func (s echoScenario) Next(int) load.Request { return s.request }

// treeScenario calls a handler that makes size calls of its own before it answers.
type treeScenario struct {
	stateless
	request load.Request
}

func newTree(service string, size, result int) Scenario {
	path := "/" + service + "/run"
	return treeScenario{request: load.Request{
		Path: path, Body: strconv.AppendInt(nil, int64(size), 10),
		Check: expect(path, strconv.AppendInt(nil, int64(result), 10)),
	}}
}

func (s treeScenario) Next(int) load.Request { return s.request }

type threeStepScenario struct {
	stateless
	prefix string
	body   []byte
	check  func([]byte) error
	taken  atomic.Uint64
}

func newThreeStep(cfg Config) Scenario {
	prefix := "/" + threeStepService + "/" + cfg.Run + "-"
	want := strconv.Itoa(threeStepResult(cfg.Payload))
	return &threeStepScenario{
		prefix: prefix,
		body:   payload(cfg.Payload),
		check:  expect(prefix+"*/run", []byte(want)),
	}
}

func (s *threeStepScenario) Next(int) load.Request {
	key := strconv.FormatUint(s.taken.Add(1), 10)
	return load.Request{Path: s.prefix + key + "/run", Body: s.body, Check: s.check}
}

// counterScenario adds one to counters. Every answer must be larger than any answer the same
// client had from that counter before, and at the end each counter must be what was added to it.
type counterScenario struct {
	run    string
	added  []atomic.Int64 // per key: calls made
	last   [][]int64      // per client and key: last answer; owned by the client
	cursor []int          // per client: calls made; owned by the client
}

func newCounter(cfg Config, keys int) Scenario {
	s := &counterScenario{
		run:    cfg.Run,
		added:  make([]atomic.Int64, keys),
		last:   make([][]int64, cfg.Clients),
		cursor: make([]int, cfg.Clients),
	}
	for i := range s.last {
		s.last[i] = make([]int64, keys)
		s.cursor[i] = i * keys / cfg.Clients // clients start apart and go round all keys
	}
	return s
}

func (s *counterScenario) path(key int, handler string) string {
	return "/" + counterService + "/" + s.run + "-" + strconv.Itoa(key) + "/" + handler
}

func (s *counterScenario) Next(client int) load.Request {
	key := s.cursor[client] % len(s.added)
	s.cursor[client]++
	s.added[key].Add(1)
	path := s.path(key, "add")
	return load.Request{Path: path, Body: []byte("1"), Check: func(answer []byte) error {
		count, err := strconv.ParseInt(string(bytes.TrimSpace(answer)), 10, 64)
		if err != nil {
			return fmt.Errorf("%s answered %.100q, want a number", path, answer)
		}
		before, made := s.last[client][key], s.added[key].Load()
		if count <= before || count > made {
			return fmt.Errorf("%s answered %d after %d calls, the client's last answer was %d",
				path, count, made, before)
		}
		s.last[client][key] = count
		return nil
	}}
}

func (s *counterScenario) Verify(ctx context.Context, client *load.Client) error {
	for key := range s.added {
		want := s.added[key].Load()
		if want == 0 {
			continue
		}
		path := s.path(key, "get")
		status, answer, err := client.Post(ctx, path, nil)
		if err != nil {
			return fmt.Errorf("verify a counter: %w", err)
		}
		got := string(bytes.TrimSpace(answer))
		if status != http.StatusOK || got != strconv.FormatInt(want, 10) {
			return fmt.Errorf("verify a counter: %s answered %d %.100q after %d calls were acknowledged",
				path, status, got, want)
		}
	}
	return nil
}
