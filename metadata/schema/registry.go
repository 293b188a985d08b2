package schema

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/perdure/perdure/metadata"
)

// MetadataKey is the key of the schema in the cluster's metadata.
const MetadataKey = "schema"

// Store is the versioned metadata that holds the schema; *metadata.Store is one.
type Store interface {
	Get(key string) (value []byte, version uint64, ok bool)
	Watch(key string) <-chan struct{}
	CompareAndSwap(ctx context.Context, key string, expected uint64, value []byte) error
}

// Registry keeps the newest schema in step with the metadata and changes it.
type Registry struct {
	store      Store
	defaults   Defaults
	background func(error)
	current    atomic.Pointer[versioned]

	mu   sync.Mutex // one refresh at a time
	stop chan struct{}
	done chan struct{}
}

type versioned struct {
	version uint64 // 0: nothing is stored yet
	schema  *Schema
}

var _ Source = (*Registry)(nil)

// NewRegistry reads the schema and follows its changes until Close. background is told about a
// stored schema that cannot be read, which leaves the last good one in place; it may be nil.
func NewRegistry(store Store, defaults Defaults, background func(error)) (*Registry, error) {
	r := &Registry{
		store: store, defaults: defaults, background: background,
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	r.current.Store(&versioned{schema: Empty(defaults)})
	changed := store.Watch(MetadataKey)
	if _, err := r.refresh(); err != nil {
		return nil, err
	}
	go r.follow(changed)
	return r, nil
}

// Close stops following.
func (r *Registry) Close() {
	close(r.stop)
	<-r.done
}

// Current is the newest schema that this node has seen. It must not be changed.
func (r *Registry) Current() *Schema { return r.current.Load().schema }

// Version counts the changes of the schema, as far as this node has seen them.
func (r *Registry) Version() uint64 { return r.current.Load().version }

// Await waits until this node has seen a version of the schema.
func (r *Registry) Await(ctx context.Context, version uint64) error {
	for {
		changed := r.store.Watch(MetadataKey)
		have, err := r.refresh()
		if err != nil || have.version >= version {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for version %d of the schema: %w", version, context.Cause(ctx))
		case <-changed:
		}
	}
}

func (r *Registry) follow(changed <-chan struct{}) {
	defer close(r.done)
	for {
		select {
		case <-r.stop:
			return
		case <-changed:
		}
		changed = r.store.Watch(MetadataKey)
		if _, err := r.refresh(); err != nil && r.background != nil {
			r.background(err)
		}
	}
}

// refresh takes over what is stored, if it is newer, and returns the newest.
func (r *Registry) refresh() (*versioned, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	have := r.current.Load()
	b, version, ok := r.store.Get(MetadataKey)
	if !ok || version <= have.version {
		return have, nil
	}
	s, err := Decode(b, r.defaults)
	if err != nil {
		return nil, fmt.Errorf("read version %d of the schema: %w", version, err)
	}
	now := &versioned{version, s}
	r.current.Store(now)
	return now, nil
}

// Update stores what change makes of the newest schema; when another node was faster, change is
// called again on its result. An error of change, or a schema equal to the old, stores nothing. When
// Update returns nil, Current is the new schema or a newer one, here; the other nodes follow.
func (r *Registry) Update(ctx context.Context, change func(*Schema) (*Schema, error)) (*Schema, error) {
	for {
		have, err := r.refresh()
		if err != nil {
			return nil, err
		}
		next, err := change(have.schema)
		if err != nil || next == have.schema {
			return next, err
		}
		b, err := next.Encode()
		if err != nil {
			return nil, err
		}
		if stored, version, _ := r.store.Get(MetadataKey); version == have.version && bytes.Equal(stored, b) {
			return have.schema, nil // a change to what is there already
		}
		err = r.store.CompareAndSwap(ctx, MetadataKey, have.version, b)
		switch {
		case err == nil:
			if _, err := r.refresh(); err != nil {
				return nil, err
			}
			return next, nil
		case !errors.Is(err, metadata.ErrConflict):
			return nil, fmt.Errorf("store the schema: %w", err)
		case ctx.Err() != nil:
			return nil, fmt.Errorf("store the schema: %w", context.Cause(ctx))
		}
	}
}
