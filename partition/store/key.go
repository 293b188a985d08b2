package store

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
	"github.com/perdure/perdure/protocol/journal"
)

// Kind is the first part of every key: which table a row belongs to. The numbers are durable; a
// number that was used is never given another meaning.
type Kind uint16

const (
	KindIdentity     Kind = 1
	KindVars         Kind = 2
	KindDedup        Kind = 3
	KindStatus       Kind = 10
	KindJournal      Kind = 11
	KindNotification Kind = 12
	KindEvent        Kind = 13
	KindState        Kind = 20
	KindPromise      Kind = 21
	KindLock         Kind = 30
	KindInbox        Kind = 31
	KindOutbox       Kind = 40
	KindTimer        Kind = 41
	KindAnswer       Kind = 42
)

// lastKind is the end of the key space in use: every key sorts before it.
const lastKind Kind = 0xFFFF

const (
	kindLen       = 2
	invocationLen = 24
)

var kindNames = map[Kind]string{
	KindIdentity: "identity", KindVars: "vars", KindDedup: "dedup", KindStatus: "status",
	KindJournal: "journal", KindNotification: "notification", KindEvent: "event",
	KindState: "state", KindPromise: "promise", KindLock: "lock", KindInbox: "inbox",
	KindOutbox: "outbox", KindTimer: "timer", KindAnswer: "answer",
}

// String is the table's name, as describe prints it.
func (k Kind) String() string {
	if n, ok := kindNames[k]; ok {
		return n
	}
	return fmt.Sprintf("kind-%d", uint16(k))
}

// Object names one key of a virtual object or workflow: what state, promises, the lock and the
// inbox belong to. Scope is empty for unscoped services.
type Object struct{ Scope, Service, Key string }

// ObjectOf is the object that a keyed target belongs to.
func ObjectOf(t protocol.Target) Object { return Object{t.Scope, t.Service, t.Key} }

// PartitionKey places the object: by its scope if it has one, else by its key.
func (o Object) PartitionKey() protocol.PartitionKey {
	if o.Scope != "" {
		return protocol.HashKey(o.Scope)
	}
	return protocol.HashKey(o.Key)
}

// String prints [scope:]service/key.
func (o Object) String() string {
	if o.Scope != "" {
		return o.Scope + ":" + o.Service + "/" + o.Key
	}
	return o.Service + "/" + o.Key
}

func appendKind(dst []byte, k Kind) []byte { return binary.BigEndian.AppendUint16(dst, uint16(k)) }

// Variable parts are escaped so that the order of keys is the order of values: a zero byte becomes
// 00 FF, and the part ends with 00 01. The last part of a key is not escaped.
const (
	escapeByte    = 0x00
	escapedZero   = 0xFF
	escapedFinish = 0x01
)

func appendEscaped(dst []byte, s string) []byte {
	for i := range len(s) {
		dst = append(dst, s[i])
		if s[i] == escapeByte {
			dst = append(dst, escapedZero)
		}
	}
	return append(dst, escapeByte, escapedFinish)
}

// cutEscaped is the inverse of appendEscaped; it returns what follows the part.
func cutEscaped(b []byte) (part string, rest []byte, ok bool) {
	if i := bytes.IndexByte(b, escapeByte); i >= 0 && i+1 < len(b) && b[i+1] == escapedFinish {
		return string(b[:i]), b[i+2:], true // nothing was escaped
	}
	var out []byte
	for i := 0; i < len(b); i++ {
		if b[i] != escapeByte {
			out = append(out, b[i])
			continue
		}
		if i++; i == len(b) {
			return "", nil, false
		}
		switch b[i] {
		case escapedFinish:
			return string(out), b[i+1:], true
		case escapedZero:
			out = append(out, escapeByte)
		default:
			return "", nil, false
		}
	}
	return "", nil, false
}

func appendInvocationKey(dst []byte, k Kind, id protocol.InvocationID) []byte {
	return id.AppendRaw(appendKind(dst, k))
}

func statusKey(dst []byte, id protocol.InvocationID) []byte {
	return appendInvocationKey(dst, KindStatus, id)
}

func journalKey(dst []byte, id protocol.InvocationID, index uint32) []byte {
	return binary.BigEndian.AppendUint32(appendInvocationKey(dst, KindJournal, id), index)
}

func notificationKey(dst []byte, id protocol.InvocationID, n journal.NotificationID) []byte {
	dst = append(appendInvocationKey(dst, KindNotification, id), byte(n.Kind))
	if n.Kind == journal.IDNamedSignal {
		return append(dst, n.Name...)
	}
	return binary.BigEndian.AppendUint32(dst, n.Index)
}

func eventKey(dst []byte, id protocol.InvocationID, sequence uint32) []byte {
	return binary.BigEndian.AppendUint32(appendInvocationKey(dst, KindEvent, id), sequence)
}

func objectKey(dst []byte, k Kind, o Object) []byte {
	dst = binary.BigEndian.AppendUint64(appendKind(dst, k), uint64(o.PartitionKey()))
	return appendEscaped(appendEscaped(appendEscaped(dst, o.Scope), o.Service), o.Key)
}

func stateKey(dst []byte, o Object, key []byte) []byte {
	return append(objectKey(dst, KindState, o), key...)
}

func promiseKey(dst []byte, o Object, name string) []byte {
	return append(objectKey(dst, KindPromise, o), name...)
}

func lockKey(dst []byte, o Object) []byte { return objectKey(dst, KindLock, o) }

func inboxKey(dst []byte, o Object, sequence uint64) []byte {
	return binary.BigEndian.AppendUint64(objectKey(dst, KindInbox, o), sequence)
}

func outboxKey(dst []byte, sequence uint64) []byte {
	return binary.BigEndian.AppendUint64(appendKind(dst, KindOutbox), sequence)
}

func timerKey(dst []byte, t command.Timer) []byte {
	dst = binary.BigEndian.AppendUint64(appendKind(dst, KindTimer), uint64(t.Due))
	dst = t.Invocation.AppendRaw(append(dst, byte(t.Kind)))
	return binary.BigEndian.AppendUint32(dst, t.CompletionID)
}

func answerKey(dst []byte, k AnswerKey) []byte {
	dst = binary.BigEndian.AppendUint64(appendKind(dst, KindAnswer), k.Period)
	return append(dst, k.Request[:]...)
}

func dedupKey(dst []byte, p command.Producer) []byte {
	dst = append(appendKind(dst, KindDedup), byte(p.Kind))
	if p.Kind == command.ProducerPartition {
		return binary.BigEndian.AppendUint16(dst, uint16(p.Partition))
	}
	return append(dst, p.Name...)
}

// keyKind reads the table of a key.
func keyKind(key []byte) (Kind, []byte, error) {
	if len(key) < kindLen {
		return 0, nil, corrupt(key, "a key of %d bytes is too short for its kind", len(key))
	}
	return Kind(binary.BigEndian.Uint16(key)), key[kindLen:], nil
}

// invocationOf reads the invocation of a status, journal, notification or event key.
func invocationOf(key []byte) (id protocol.InvocationID, rest []byte, err error) {
	if len(key) < kindLen+invocationLen {
		return id, nil, corrupt(key, "the key is too short for an invocation ID")
	}
	id, err = protocol.InvocationIDFromRaw(key[kindLen : kindLen+invocationLen])
	return id, key[kindLen+invocationLen:], err
}

// objectOf reads the object of a state, promise, lock or inbox key.
func objectOf(key []byte) (o Object, rest []byte, err error) {
	const fixed = kindLen + 8
	if len(key) >= fixed {
		var ok [3]bool
		rest = key[fixed:]
		for i, part := range []*string{&o.Scope, &o.Service, &o.Key} {
			if *part, rest, ok[i] = cutEscaped(rest); !ok[i] {
				break
			}
		}
		if ok == [3]bool{true, true, true} {
			return o, rest, nil
		}
	}
	return Object{}, nil, corrupt(key, "the key does not name an object")
}

func timerOf(key []byte) (t command.Timer, err error) {
	const length = kindLen + 8 + 1 + invocationLen + 4
	if len(key) != length {
		return t, corrupt(key, "a timer key has %d bytes, want %d", len(key), length)
	}
	t.Due = protocol.Millis(binary.BigEndian.Uint64(key[kindLen:]))
	t.Kind = command.TimerKind(key[kindLen+8])
	t.Invocation, err = protocol.InvocationIDFromRaw(key[kindLen+9 : kindLen+9+invocationLen])
	t.CompletionID = binary.BigEndian.Uint32(key[length-4:])
	return t, err
}

func answerKeyOf(key []byte) (k AnswerKey, err error) {
	const length = kindLen + 8 + len(k.Request)
	if len(key) != length {
		return k, corrupt(key, "the key of an answer has %d bytes, want %d", len(key), length)
	}
	k.Period = binary.BigEndian.Uint64(key[kindLen:])
	copy(k.Request[:], key[kindLen+8:])
	return k, nil
}

// sequenceOf reads the sequence that ends an inbox or outbox key.
func sequenceOf(key, rest []byte) (uint64, error) {
	if len(rest) != 8 {
		return 0, corrupt(key, "the key ends with %d bytes, want a sequence of 8", len(rest))
	}
	return binary.BigEndian.Uint64(rest), nil
}

func notificationOf(rest []byte) (n journal.NotificationID, ok bool) {
	if len(rest) == 0 {
		return n, false
	}
	n.Kind = journal.IDKind(rest[0])
	if n.Kind == journal.IDNamedSignal {
		n.Name = string(rest[1:])
		return n, true
	}
	if len(rest) != 5 {
		return n, false
	}
	n.Index = binary.BigEndian.Uint32(rest[1:])
	return n, true
}

// after is the first key that is greater than every key with this prefix.
func after(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return appendKind(nil, lastKind)
}
