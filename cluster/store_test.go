package cluster

import (
	"context"
	"fmt"
	"sync"

	"github.com/perdure/perdure/metadata"
)

// memoryStore is the metadata in memory.
type memoryStore struct {
	mu       sync.Mutex
	values   map[string][]byte
	versions map[string]uint64
	watchers map[string]chan struct{}
}

func newStore() *memoryStore {
	return &memoryStore{
		values: map[string][]byte{}, versions: map[string]uint64{}, watchers: map[string]chan struct{}{},
	}
}

func (s *memoryStore) Get(key string) ([]byte, uint64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.values[key]
	return b, s.versions[key], ok
}

func (s *memoryStore) Watch(key string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers[key] == nil {
		s.watchers[key] = make(chan struct{})
	}
	return s.watchers[key]
}

func (s *memoryStore) CompareAndSwap(_ context.Context, key string, expected uint64, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.versions[key] != expected {
		return fmt.Errorf("change %q: %w", key, metadata.ErrConflict)
	}
	s.values[key], s.versions[key] = value, expected+1
	if c := s.watchers[key]; c != nil {
		close(c)
		delete(s.watchers, key)
	}
	return nil
}
