package protocol

// Payload is a user's bytes, either inline or as a reference to an object in the object store.
type Payload struct {
	Inline []byte
	Ref    *PayloadRef // when set, Inline is nil
}

// PayloadRef names a payload by its content.
type PayloadRef struct {
	SHA256    [32]byte
	SizeBytes uint64
}

// Inline makes a payload that carries its bytes.
func Inline(b []byte) Payload { return Payload{Inline: b} }

// Len is the payload's size in bytes, wherever it is kept.
func (p Payload) Len() int {
	if p.Ref != nil {
		return int(p.Ref.SizeBytes)
	}
	return len(p.Inline)
}

// Result is the outcome of a call: exactly one of a value and a failure.
type Result struct {
	Value   Payload
	Failure *Failure
}

// Success makes a result that is a value.
func Success(b []byte) Result { return Result{Value: Inline(b)} }

// Failed makes a result that is a failure.
func Failed(f Failure) Result { return Result{Failure: &f} }
