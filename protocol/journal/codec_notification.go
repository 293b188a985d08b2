package journal

import "github.com/perdure/perdure/protocol/wire"

// Append implements Message.
func (n *Notification) Append(dst []byte) []byte {
	return n.Result.Append(n.ID.Append(dst))
}

func (n *Notification) decode(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		if !n.ID.decodeField(&d) {
			n.Result.decodeField(&d)
		}
	}
	switch {
	case d.Err() != nil:
		return d.Err()
	case n.ID.Kind == 0:
		return missing("ID", 1, 2, 3)
	case n.Result.Kind == 0:
		return missing("result", 4, 5, 6, 16, 17)
	}
	return nil
}

// Append appends the ID as the fields it has within a notification: 1 completion ID, 2 signal
// index or 3 signal name. The zero ID appends nothing.
func (id NotificationID) Append(dst []byte) []byte {
	switch id.Kind {
	case IDCompletion:
		return wire.AppendPresentUvarint(dst, 1, id.Index)
	case IDSignal:
		return wire.AppendPresentUvarint(dst, 2, id.Index)
	case IDNamedSignal:
		return wire.AppendPresentText(dst, 3, id.Name)
	}
	return dst
}

// DecodeNotificationID is the inverse of NotificationID.Append.
func DecodeNotificationID(b []byte) (id NotificationID, err error) {
	d := wire.NewDecoder(b)
	for d.Next() {
		id.decodeField(&d)
	}
	return id, d.Err()
}

// decodeField reads the current field if it belongs to the ID.
func (id *NotificationID) decodeField(d *wire.Decoder) bool {
	switch d.Field() {
	case 1:
		*id = Completion(d.Uint32())
	case 2:
		*id = Signal(d.Uint32())
	case 3:
		*id = NamedSignal(d.Text())
	default:
		return false
	}
	return true
}

// Append appends the result as the field it has within a notification: 4 void, 5 value, 6 failure,
// 16 invocation ID or 17 state keys. The zero result appends nothing.
func (r *NotificationResult) Append(dst []byte) []byte {
	switch r.Kind {
	case ResultVoid:
		return appendVoid(dst, 4)
	case ResultValue:
		return appendValue(dst, 5, r.Value)
	case ResultFailure:
		return appendFailureField(dst, 6, &r.Failure)
	case ResultInvocationID:
		return wire.AppendPresentText(dst, 16, r.InvocationID)
	case ResultStateKeys:
		return appendKeysField(dst, 17, r.StateKeys)
	}
	return dst
}

// DecodeNotificationResult is the inverse of NotificationResult.Append.
func DecodeNotificationResult(b []byte) (r NotificationResult, err error) {
	d := wire.NewDecoder(b)
	for d.Next() {
		r.decodeField(&d)
	}
	return r, d.Err()
}

// decodeField reads the current field if it belongs to the result; the last member counts.
func (r *NotificationResult) decodeField(d *wire.Decoder) {
	switch d.Field() {
	case 4:
		*r = Void()
		d.Bytes()
	case 5:
		*r = NotificationResult{Kind: ResultValue}
		d.Fail(decodeValue(&r.Value, d.Bytes()))
	case 6:
		*r = NotificationResult{Kind: ResultFailure}
		d.Fail(decodeFailure(&r.Failure, d.Bytes()))
	case 16:
		*r = NotificationResult{Kind: ResultInvocationID, InvocationID: d.Text()}
	case 17:
		*r = NotificationResult{Kind: ResultStateKeys}
		d.Fail(decodeKeys(&r.StateKeys, d.Bytes()))
	}
}
