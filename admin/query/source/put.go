package source

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/perdure/perdure/admin/query/table"
	"github.com/perdure/perdure/protocol"
)

func partitionID(p uint16) protocol.PartitionID { return protocol.PartitionID(p) }

// putText adds a string, NULL if it is empty.
func putText(v *table.Vector, s string) {
	if s == "" {
		v.AppendNull()
		return
	}
	v.AppendString(s)
}

// putUTF8 adds bytes as text, NULL if they are none.
func putUTF8(v *table.Vector, b []byte) {
	if !utf8.Valid(b) {
		v.AppendNull()
		return
	}
	v.AppendString(string(b))
}

// putMillis adds an instant, NULL for the zero one.
func putMillis(v *table.Vector, at protocol.Millis) {
	if at == 0 {
		v.AppendNull()
		return
	}
	v.AppendInt(int64(at))
}

func putTime(v *table.Vector, at time.Time) {
	if at.IsZero() {
		v.AppendNull()
		return
	}
	v.AppendInt(at.UnixMilli())
}

func putDuration(v *table.Vector, d time.Duration) { v.AppendInt(d.Milliseconds()) }

// putID adds an invocation's ID, NULL for the zero one.
func putID(v *table.Vector, id protocol.InvocationID) {
	if id.IsZero() {
		v.AppendNull()
		return
	}
	v.AppendString(id.String())
}

func putKey(v *table.Vector, k protocol.PartitionKey) { v.AppendInt(int64(k)) }

// failureText is how a failure that ended something is shown.
func failureText(f *protocol.Failure) string {
	return "[" + strconv.Itoa(int(f.Code)) + "] " + f.Message
}
