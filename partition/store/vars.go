package store

import (
	"github.com/zeebo/xxh3"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/wire"
)

// Vars are the values that change with nearly every command. They share one row, so that they cost
// one write per batch.
type Vars struct {
	// Applied is the position of the last command whose changes the rows hold.
	Applied protocol.LSN
	// Digest chains every row change and every value of Vars, command by command.
	Digest uint64
	// Time is the newest time a command brought.
	Time protocol.HybridTime
	// Epoch is the current leadership; LeaderSequence the last self-proposed sequence in it.
	Epoch          protocol.Epoch
	LeaderSequence uint64
	// LastOutbox and LastInbox are the sequences that the newest message and the newest queued call
	// got; the first is 1.
	LastOutbox uint64
	LastInbox  uint64
	// LastAttempt is the number that the newest attempt got. It may wrap: attempts are compared for
	// equality only.
	LastAttempt uint32
	// LastLife is the number that the newest invocation got.
	LastLife uint64
	// Unkept is the newest period in which an invocation was forgotten while its caller may ask for it
	// again. AnswersDue is when the timer that forgets old answers falls due, zero if there is none;
	// AnswersFrom is the last one that it forgot.
	Unkept      uint64
	AnswersDue  protocol.Millis
	AnswersFrom AnswerKey
	// Features are the behaviours switched on, ascending.
	Features []command.Feature
}

func varsKey() []byte { return appendKind(nil, KindVars) }

func (v *Vars) encode() []byte {
	e := newRow(96)
	e.uint(1, uint64(v.Applied))
	e.fixed64(2, v.Digest)
	e.uint(3, uint64(v.Time))
	e.uint(4, uint64(v.Epoch))
	e.uint(5, v.LeaderSequence)
	e.uint(6, v.LastOutbox)
	e.uint(7, v.LastInbox)
	e.uint(9, uint64(v.LastAttempt))
	e.uint(10, v.LastLife)
	e.uint(11, v.Unkept)
	e.uint(12, v.AnswersFrom.Period)
	e.array(13, v.AnswersFrom.Request)
	e.millis(14, v.AnswersDue)
	for _, feature := range v.Features {
		e.uint(8, uint64(feature))
	}
	return e.b
}

func decodeVars(b []byte) (v Vars, err error) {
	err = decodeRow(b, func(d *wire.Decoder) {
		switch d.Field() {
		case 1:
			v.Applied = protocol.LSN(d.Uint64())
		case 2:
			v.Digest = d.Fixed64()
		case 3:
			v.Time = protocol.HybridTime(d.Uint64())
		case 4:
			v.Epoch = protocol.Epoch(d.Uint64())
		case 5:
			v.LeaderSequence = d.Uint64()
		case 6:
			v.LastOutbox = d.Uint64()
		case 7:
			v.LastInbox = d.Uint64()
		case 9:
			v.LastAttempt = d.Uint32()
		case 10:
			v.LastLife = d.Uint64()
		case 11:
			v.Unkept = d.Uint64()
		case 12:
			v.AnswersFrom.Period = d.Uint64()
		case 13:
			d.Array(v.AnswersFrom.Request[:])
		case 14:
			v.AnswersDue = protocol.Millis(d.Uint64())
		case 8:
			v.Features = append(v.Features, command.Feature(d.Uint32()))
		}
	})
	return v, err
}

// Vars reads the values as of the reader's point.
func (r Reader) Vars() (Vars, error) {
	key := varsKey()
	b, ok, err := r.get(key)
	if err != nil || !ok {
		return Vars{}, err
	}
	v, err := decodeVars(b)
	if err != nil {
		return v, corrupt(key, "decode vars: %v", err)
	}
	return v, nil
}

// Operations as the digest sees them.
const (
	digestPut    = 1
	digestDelete = 2
	digestVars   = 3
)

// chain folds one row change into a digest.
func chain(digest, operation uint64, key, value []byte) uint64 {
	return xxh3.HashSeed(value, xxh3.HashSeed(key, digest*31+operation))
}
