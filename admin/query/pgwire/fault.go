package pgwire

import (
	"errors"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/perdure/perdure/admin/query"
	"github.com/perdure/perdure/admin/query/sql"
)

// States of PostgreSQL beside those that the engine knows.
const (
	stateInternal      = "XX000"
	stateSystem        = "58000"
	stateProtocol      = "08P01"
	stateFailedBlock   = "25P02" // in a transaction that has failed
	stateActiveBlock   = "25001"
	stateNoBlock       = "25P01"
	stateNoStatement   = "26000"
	stateNoCursor      = "34000"
	stateCursorExists  = "42P03"
	stateStmtExists    = "42P05"
	stateNoSetting     = "42704"
	stateNoParam       = "42P02"
	stateBadPassword   = "28P01"
	stateNotAuthorized = "28000"
	stateNoDatabase    = "3D000"
	stateTooMany       = "53400"
)

// response is what a client is told about an error. The text is the whole one that it sent, in which
// the statement with the error begins at start.
func response(err error, severity, text string, start int) *pgproto3.ErrorResponse {
	r := &pgproto3.ErrorResponse{
		Severity: severity, SeverityUnlocalized: severity, Code: stateSystem, Message: err.Error(),
	}
	var e *sql.Error
	var mistake *query.PanicError
	switch {
	case errors.As(err, &e):
		r.Code, r.Message, r.Hint = e.State, e.Message, e.Hint
		if at := e.Position + start; e.Position >= 0 && at <= len(text) {
			r.Position = int32(utf8.RuneCountInString(text[:at]) + 1)
		}
	case errors.As(err, &mistake):
		r.Code = stateInternal
	}
	return r
}

// protocolError says that a client broke the rules of the protocol.
func protocolError(format string, args ...any) *sql.Error {
	return sql.Errorf(stateProtocol, -1, format, args...)
}
