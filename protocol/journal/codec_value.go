package journal

import (
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/wire"
)

// Type implements Message.
func (m *Input) Type() Type { return TypeInput }

// Append implements Message.
func (m *Input) Append(dst []byte) []byte {
	dst = appendPairs(dst, 1, m.Headers)
	dst = wire.AppendText(dst, nameField, m.Name)
	return appendValue(dst, 14, m.Value)
}

func (m *Input) decode(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			m.Headers = decodePair(&d, m.Headers)
		case 14:
			d.Fail(decodeValue(&m.Value, d.Bytes()))
		case nameField:
			m.Name = d.Text()
		}
	}
	return d.Err()
}

// Type implements Message.
func (m *Output) Type() Type { return TypeOutput }

// Append implements Message.
func (m *Output) Append(dst []byte) []byte {
	dst = wire.AppendText(dst, nameField, m.Name)
	return appendResult(dst, 14, 15, &m.Result)
}

func (m *Output) decode(b []byte) error {
	d, result := wire.NewDecoder(b), resultField{value: 14, failure: 15}
	for d.Next() {
		switch d.Field() {
		case nameField:
			m.Name = d.Text()
		default:
			result.decode(&d, &m.Result)
		}
	}
	return result.finish(&d)
}

// Type implements Message.
func (m *GetPromise) Type() Type { return TypeGetPromise }

// Append implements Message.
func (m *GetPromise) Append(dst []byte) []byte {
	return appendPromise(dst, m.Key, m.CompletionID, m.Name)
}

func (m *GetPromise) decode(b []byte) error {
	return decodePromise(b, &m.Key, &m.CompletionID, &m.Name)
}

// Type implements Message.
func (m *PeekPromise) Type() Type { return TypePeekPromise }

// Append implements Message.
func (m *PeekPromise) Append(dst []byte) []byte {
	return appendPromise(dst, m.Key, m.CompletionID, m.Name)
}

func (m *PeekPromise) decode(b []byte) error {
	return decodePromise(b, &m.Key, &m.CompletionID, &m.Name)
}

func appendPromise(dst []byte, key string, completion uint32, name string) []byte {
	return appendCompletable(wire.AppendText(dst, 1, key), completion, name)
}

func decodePromise(b []byte, key *string, completion *uint32, name *string) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			*key = d.Text()
		case 11:
			*completion = d.Uint32()
		case nameField:
			*name = d.Text()
		}
	}
	return d.Err()
}

// Type implements Message.
func (m *CompletePromise) Type() Type { return TypeCompletePromise }

// Append implements Message.
func (m *CompletePromise) Append(dst []byte) []byte {
	dst = wire.AppendText(dst, 1, m.Key)
	dst = appendResult(dst, 2, 3, &m.Result)
	return appendCompletable(dst, m.CompletionID, m.Name)
}

func (m *CompletePromise) decode(b []byte) error {
	d, result := wire.NewDecoder(b), resultField{value: 2, failure: 3}
	for d.Next() {
		switch d.Field() {
		case 1:
			m.Key = d.Text()
		case 11:
			m.CompletionID = d.Uint32()
		case nameField:
			m.Name = d.Text()
		default:
			result.decode(&d, &m.Result)
		}
	}
	return result.finish(&d)
}

// Type implements Message.
func (m *CompleteAwakeable) Type() Type { return TypeCompleteAwakeable }

// Append implements Message.
func (m *CompleteAwakeable) Append(dst []byte) []byte {
	dst = wire.AppendText(dst, 1, m.AwakeableID)
	dst = appendResult(dst, 2, 3, &m.Result)
	return wire.AppendText(dst, nameField, m.Name)
}

func (m *CompleteAwakeable) decode(b []byte) error {
	d, result := wire.NewDecoder(b), resultField{value: 2, failure: 3}
	for d.Next() {
		switch d.Field() {
		case 1:
			m.AwakeableID = d.Text()
		case nameField:
			m.Name = d.Text()
		default:
			result.decode(&d, &m.Result)
		}
	}
	return result.finish(&d)
}

// Type implements Message.
func (m *Sleep) Type() Type { return TypeSleep }

// Append implements Message.
func (m *Sleep) Append(dst []byte) []byte {
	dst = wire.AppendUvarint(dst, 1, m.WakeUp)
	return appendCompletable(dst, m.CompletionID, m.Name)
}

func (m *Sleep) decode(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			m.WakeUp = protocol.Millis(d.Uint64())
		case 11:
			m.CompletionID = d.Uint32()
		case nameField:
			m.Name = d.Text()
		}
	}
	return d.Err()
}
