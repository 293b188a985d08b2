package sql

import "fmt"

// States of the SQL standard and of PostgreSQL that errors carry.
const (
	StateSyntax         = "42601"
	StateUndefinedTable = "42P01"
	StateUndefinedCol   = "42703"
	StateUndefinedFunc  = "42883"
	StateAmbiguous      = "42702"
	StateType           = "42804"
	StateGrouping       = "42803"
	StateNotSupported   = "0A000"
	StateReadOnly       = "25006"
	StateInvalidValue   = "22023"
	StateDivision       = "22012"
	StateRange          = "22003"
	StateTooComplex     = "54001"
	StateMemory         = "53200"
	StateTooManyQueries = "53300"
	StateCancelled      = "57014"
)

// Error is what a client is told about its query.
type Error struct {
	State    string // SQLSTATE
	Message  string
	Position int // byte offset in the text, from 0; negative if there is none
	Hint     string
}

// Error prints the message, and the hint if there is one.
func (e *Error) Error() string {
	s := e.Message
	if e.Position >= 0 {
		s += fmt.Sprintf(" (at character %d)", e.Position+1)
	}
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Errorf makes an error about a place in the text.
func Errorf(state string, position int, format string, args ...any) *Error {
	return &Error{State: state, Position: position, Message: fmt.Sprintf(format, args...)}
}

// With adds a hint.
func (e *Error) With(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}
