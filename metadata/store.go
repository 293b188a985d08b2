package metadata

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/protocol"
)

// Pauses between tries of an append that was pushed back, or whose leader is not known yet.
const (
	firstPause = 5 * time.Millisecond
	maxPause   = 200 * time.Millisecond
)

// DefaultTrimBytes is how much is logged before a new snapshot lets the log forget it.
const DefaultTrimBytes = 16 << 20

// What may go wrong with a change. Errors are wrapped: compare with errors.Is.
var (
	// ErrConflict means that somebody changed the key meanwhile: read it again and decide anew.
	ErrConflict = errors.New("the metadata key was changed by somebody else: read it again")
	// ErrTooLarge means that the value, or the number of keys, passes its limit.
	ErrTooLarge = errors.New("too much metadata: make the value smaller")
)

// Config configures a Store.
type Config struct {
	// Host runs the log. Required.
	Host bifrost.Host
	// Dir holds the snapshot file; it is made if need be. Required.
	Dir string
	// TrimBytes is how much is logged between two snapshots. Default: 16 MiB.
	TrimBytes int
	// Background is told about failures of trimming, which is tried again later. Default: none.
	Background func(error)
}

// Store is one replica of the metadata.
type Store struct {
	cfg  Config
	log  bifrost.Log
	trim chan protocol.LSN
	stop context.CancelFunc
	done chan struct{}

	mu             sync.RWMutex
	machine        *machine                 // guarded by mu
	watchers       map[string]chan struct{} // guarded by mu; closed at the key's next change
	waiting        map[requestID]*outcome   // guarded by mu; swaps of this node in flight
	untrimmedBytes int                      // guarded by mu
}

// Open starts the metadata log on the host and returns when the Store has seen everything that was
// in it: it waits until the log has a leader here, at most as long as ctx.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Host == nil || cfg.Dir == "" {
		return nil, errors.New("open the metadata store: Host and Dir are required")
	}
	if cfg.TrimBytes <= 0 {
		cfg.TrimBytes = DefaultTrimBytes
	}
	trimming, stop := context.WithCancel(context.Background())
	s := &Store{
		cfg: cfg, trim: make(chan protocol.LSN, 1), stop: stop, done: make(chan struct{}),
		machine: newMachine(), watchers: map[string]chan struct{}{}, waiting: map[requestID]*outcome{},
	}
	log, err := cfg.Host.Start(ctx, bifrost.MetadataLog, applier{s})
	if err != nil {
		stop()
		return nil, fmt.Errorf("open the metadata store: %w", err)
	}
	s.log = log
	go s.trimLoop(trimming)
	barrier := record{kind: recordBarrier, request: newRequest()}
	if err := s.append(ctx, barrier.encode(), true); err != nil {
		return nil, fmt.Errorf("wait for the metadata log: %w", errors.Join(err, s.Close()))
	}
	return s, nil
}

// Close stops the log's replica on this node.
func (s *Store) Close() error {
	s.stop()
	<-s.done
	if err := s.cfg.Host.Stop(bifrost.MetadataLog); err != nil {
		return fmt.Errorf("close the metadata store: %w", err)
	}
	return nil
}

// Get returns the newest value of key that this node has seen, and its version; versions start at
// 1. The value must not be changed.
func (s *Store) Get(key string) (value []byte, version uint64, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e, ok := s.machine.entries[key]
	return e.value, e.version, ok
}

// Watch returns a channel that is closed when key changes. To miss nothing, call Watch before Get.
func (s *Store) Watch(key string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.watchers[key]
	if c == nil {
		c = make(chan struct{})
		s.watchers[key] = c
	}
	return c
}

// CompareAndSwap replaces the value of key if its version is expected (0: it does not exist yet).
// nil means that the change is durable and visible here. ErrConflict: another version was found,
// nothing changed. An error that wraps bifrost.ErrUnknown leaves open whether the change took, or
// will still take, hold. Pushed back appends are repeated until ctx ends.
func (s *Store) CompareAndSwap(ctx context.Context, key string, expected uint64, value []byte) error {
	if key == "" || len(key) > MaxKeyBytes {
		return fmt.Errorf("change metadata: the key has %d bytes, allowed are 1 to %d",
			len(key), MaxKeyBytes)
	}
	if len(value) > MaxValueBytes {
		return fmt.Errorf("change metadata %q: the value has %d bytes, the limit is %d: %w",
			key, len(value), MaxValueBytes, ErrTooLarge)
	}
	r := record{kind: recordSwap, request: newRequest(), expected: expected, key: key, value: value}
	var out outcome
	s.await(r.request, &out)
	err := s.append(ctx, r.encode(), false)
	s.await(r.request, nil) // after this, nobody writes to out
	switch {
	case err != nil:
		return fmt.Errorf("change metadata %q: %w", key, err)
	case out.full:
		return fmt.Errorf("change metadata %q: there are %d keys already: %w", key, MaxKeys, ErrTooLarge)
	case !out.changed:
		return fmt.Errorf("change metadata %q from version %d, found %d: %w",
			key, expected, out.version, ErrConflict)
	}
	return nil
}

// await makes Apply put the outcome of a request into out; nil forgets it.
func (s *Store) await(r requestID, out *outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if out == nil {
		delete(s.waiting, r)
		return
	}
	s.waiting[r] = out
}

// append appends one payload and waits until it is applied here. It repeats what may pass; the
// machine recognises repeats. waitForLeader makes a missing leader one of these things.
func (s *Store) append(ctx context.Context, payload []byte, waitForLeader bool) error {
	pause, unknown := firstPause, false
	for {
		_, err := bifrost.AppendWait(ctx, s.log, payload)
		if err == nil {
			return nil
		}
		unknown = unknown || errors.Is(err, bifrost.ErrUnknown)
		passes := errors.Is(err, bifrost.ErrBusy) || errors.Is(err, bifrost.ErrUnknown) ||
			waitForLeader && errors.Is(err, bifrost.ErrNotLeader)
		if !passes || ctx.Err() != nil {
			return joinUnknown(err, unknown)
		}
		select {
		case <-ctx.Done():
			return joinUnknown(fmt.Errorf("%w: %w", context.Cause(ctx), err), unknown)
		case <-time.After(pause):
			pause = min(2*pause, maxPause)
		}
	}
}

// joinUnknown keeps a later, clearer error from hiding that an earlier try may have taken hold.
func joinUnknown(err error, unknown bool) error {
	if unknown && !errors.Is(err, bifrost.ErrUnknown) {
		return fmt.Errorf("%w: %w", bifrost.ErrUnknown, err)
	}
	return err
}

// trimLoop lets the log forget what a new snapshot covers; Trim makes the snapshot first.
func (s *Store) trimLoop(ctx context.Context) {
	defer close(s.done)
	for {
		select {
		case <-ctx.Done():
			return
		case through := <-s.trim:
			err := s.log.Trim(ctx, through)
			if err != nil && ctx.Err() == nil && s.cfg.Background != nil {
				s.cfg.Background(fmt.Errorf("trim the metadata log through %v: %w", through, err))
			}
		}
	}
}

// snapshot is the state now, which no later record changes.
func (s *Store) snapshot() *machine {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.machine.clone()
}

// replace puts another state in place and wakes everybody.
func (s *Store) replace(m *machine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.machine = m
	for key := range s.watchers {
		s.wake(key)
	}
}

// wake tells the watchers of key. Caller holds mu.
func (s *Store) wake(key string) {
	if c := s.watchers[key]; c != nil {
		close(c)
		delete(s.watchers, key)
	}
}

func newRequest() (r requestID) {
	rand.Read(r[:]) // never fails
	return r
}
