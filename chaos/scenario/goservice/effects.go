package main

import (
	"fmt"
	"os"
	"sync"
)

// effects counts side effects by name, in memory and as lines of a file.
// It may be used by many goroutines.
type effects struct {
	file *os.File // nil: memory only

	mu    sync.Mutex
	count map[string]int    // guarded by mu
	note  map[string]string // guarded by mu
}

// openEffects opens the file for appending; an empty path keeps counts in memory only.
func openEffects(path string) (*effects, error) {
	fx := &effects{count: map[string]int{}, note: map[string]string{}}
	if path == "" {
		return fx, nil
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open effects file: %w", err)
	}
	fx.file = file
	return fx, nil
}

// add performs the side effect once more and returns how often this process has done it.
func (fx *effects) add(name string) (int, error) {
	n := fx.bump(name)
	if fx.file == nil {
		return n, nil
	}
	if _, err := fx.file.WriteString(name + "\n"); err != nil {
		return 0, fmt.Errorf("record effect %s: %w", name, err)
	}
	return n, nil
}

// bump counts in memory alone: for attempts, which are allowed to repeat.
func (fx *effects) bump(name string) int {
	fx.mu.Lock()
	defer fx.mu.Unlock()
	fx.count[name]++
	return fx.count[name]
}

func (fx *effects) get(name string) int {
	fx.mu.Lock()
	defer fx.mu.Unlock()
	return fx.count[name]
}

// first remembers value under name unless something is there, and returns what is.
func (fx *effects) first(name, value string) string {
	fx.mu.Lock()
	defer fx.mu.Unlock()
	if _, ok := fx.note[name]; !ok {
		fx.note[name] = value
	}
	return fx.note[name]
}
