package journal

import "github.com/perdure/perdure/protocol/wire"

// Type implements Message.
func (m *GetLazyState) Type() Type { return TypeGetLazyState }

// Append implements Message.
func (m *GetLazyState) Append(dst []byte) []byte {
	dst = wire.AppendBytes(dst, 1, m.Key)
	dst = wire.AppendUvarint(dst, 11, m.CompletionID)
	return wire.AppendText(dst, nameField, m.Name)
}

func (m *GetLazyState) decode(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			m.Key = d.Bytes()
		case 11:
			m.CompletionID = d.Uint32()
		case nameField:
			m.Name = d.Text()
		}
	}
	return d.Err()
}

// Type implements Message.
func (m *SetState) Type() Type { return TypeSetState }

// Append implements Message.
func (m *SetState) Append(dst []byte) []byte {
	dst = wire.AppendBytes(dst, 1, m.Key)
	dst = appendValue(dst, 3, m.Value)
	return wire.AppendText(dst, nameField, m.Name)
}

func (m *SetState) decode(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			m.Key = d.Bytes()
		case 3:
			d.Fail(decodeValue(&m.Value, d.Bytes()))
		case nameField:
			m.Name = d.Text()
		}
	}
	return d.Err()
}

// Type implements Message.
func (m *ClearState) Type() Type { return TypeClearState }

// Append implements Message.
func (m *ClearState) Append(dst []byte) []byte {
	dst = wire.AppendBytes(dst, 1, m.Key)
	return wire.AppendText(dst, nameField, m.Name)
}

func (m *ClearState) decode(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			m.Key = d.Bytes()
		case nameField:
			m.Name = d.Text()
		}
	}
	return d.Err()
}

// Type implements Message.
func (m *ClearAllState) Type() Type { return TypeClearAllState }

// Append implements Message.
func (m *ClearAllState) Append(dst []byte) []byte {
	return wire.AppendText(dst, nameField, m.Name)
}

func (m *ClearAllState) decode(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		if d.Field() == nameField {
			m.Name = d.Text()
		}
	}
	return d.Err()
}

// Type implements Message.
func (m *GetLazyStateKeys) Type() Type { return TypeGetLazyStateKeys }

// Append implements Message.
func (m *GetLazyStateKeys) Append(dst []byte) []byte {
	return appendCompletable(dst, m.CompletionID, m.Name)
}

func (m *GetLazyStateKeys) decode(b []byte) error {
	return decodeCompletable(b, &m.CompletionID, &m.Name)
}

// Type implements Message.
func (m *Run) Type() Type { return TypeRun }

// Append implements Message.
func (m *Run) Append(dst []byte) []byte { return appendCompletable(dst, m.CompletionID, m.Name) }

func (m *Run) decode(b []byte) error { return decodeCompletable(b, &m.CompletionID, &m.Name) }

// appendCompletable appends a command that has nothing but a completion ID and a name.
func appendCompletable(dst []byte, completion uint32, name string) []byte {
	dst = wire.AppendUvarint(dst, 11, completion)
	return wire.AppendText(dst, nameField, name)
}

func decodeCompletable(b []byte, completion *uint32, name *string) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 11:
			*completion = d.Uint32()
		case nameField:
			*name = d.Text()
		}
	}
	return d.Err()
}

// Type implements Message.
func (m *GetEagerState) Type() Type { return TypeGetEagerState }

// Append implements Message.
func (m *GetEagerState) Append(dst []byte) []byte {
	dst = wire.AppendBytes(dst, 1, m.Key)
	if m.Void {
		dst = appendVoid(dst, 13)
	} else {
		dst = appendValue(dst, 14, m.Value)
	}
	return wire.AppendText(dst, nameField, m.Name)
}

func (m *GetEagerState) decode(b []byte) error {
	set := false
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 1:
			m.Key = d.Bytes()
		case 13:
			m.Void, m.Value, set = true, nil, true
			d.Bytes()
		case 14:
			m.Void, set = false, true
			d.Fail(decodeValue(&m.Value, d.Bytes()))
		case nameField:
			m.Name = d.Text()
		}
	}
	if err := d.Err(); err != nil || set {
		return err
	}
	return missing("result", 13, 14)
}

// Type implements Message.
func (m *GetEagerStateKeys) Type() Type { return TypeGetEagerStateKeys }

// Append implements Message.
func (m *GetEagerStateKeys) Append(dst []byte) []byte {
	dst = appendKeysField(dst, 14, m.Keys)
	return wire.AppendText(dst, nameField, m.Name)
}

func (m *GetEagerStateKeys) decode(b []byte) error {
	d := wire.NewDecoder(b)
	for d.Next() {
		switch d.Field() {
		case 14:
			d.Fail(decodeKeys(&m.Keys, d.Bytes()))
		case nameField:
			m.Name = d.Text()
		}
	}
	return d.Err()
}
