package protocol

import "fmt"

// Codes of failures that the server itself makes. They are HTTP statuses where one exists.
const (
	CodeBadRequest      uint32 = 400
	CodeNotFound        uint32 = 404
	CodeConflict        uint32 = 409
	CodeGone            uint32 = 410
	CodeNotReady        uint32 = 470
	CodeInternal        uint32 = 500
	CodeJournalMismatch uint32 = 570
	CodeProtocol        uint32 = 571
)

// Failure is an outcome: what a caller is told when a call cannot have its result. It is not an
// error of the server.
type Failure struct {
	Code     uint32
	Message  string
	Metadata []KeyValue
}

// Error prints code and message; Failure is an error only so that edges can carry it as one.
func (f *Failure) Error() string { return fmt.Sprintf("[%d] %s", f.Code, f.Message) }

// KeyValue is one pair of an ordered map: a header, a state entry, a failure's metadata.
type KeyValue struct{ Key, Value string }

// Failures the server answers with; the texts are part of the contract.
var (
	FailureKilled           = Failure{Code: CodeConflict, Message: "killed"}
	FailureCanceled         = Failure{Code: CodeConflict, Message: "canceled"}
	FailureNotFound         = Failure{Code: CodeNotFound, Message: "not found"}
	FailureWorkflowInvoked  = Failure{Code: CodeConflict, Message: "the workflow method was already invoked"}
	FailurePromiseCompleted = Failure{Code: CodeConflict, Message: "promise was already completed"}
	FailureGone             = Failure{Code: CodeGone, Message: "gone"}
	FailureNotReady         = Failure{Code: CodeNotReady, Message: "the response is not ready yet"}
)
