package source

import (
	"bytes"
	"encoding/json"

	"github.com/perdure/perdure/protocol"
)

// object is a JSON object whose members keep their order.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		name, err := encodeJSON(m.name)
		if err != nil {
			return nil, err
		}
		value, err := encodeJSON(m.value)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, name...), ':'), value...)
	}
	return append(b, '}'), nil
}

// encodeJSON encodes without the escapes that are only good for HTML.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// numbers is bytes as a list of numbers.
type numbers []byte

// MarshalJSON implements json.Marshaler.
func (n numbers) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 2+4*len(n))
	b = append(b, '[')
	for i, x := range n {
		if i > 0 {
			b = append(b, ',')
		}
		if x >= 100 {
			b = append(b, '0'+x/100)
		}
		if x >= 10 {
			b = append(b, '0'+x/10%10)
		}
		b = append(b, '0'+x%10)
	}
	return append(b, ']'), nil
}

// one is an object with one member: how a variant is written.
func one(name string, value any) object { return object{{name, value}} }

func failureValue(f *protocol.Failure) object {
	o := object{{"code", f.Code}, {"message", f.Message}}
	if len(f.Metadata) > 0 {
		o = append(o, member{"metadata", pairs(f.Metadata, "key")})
	}
	return o
}

func pairs(list []protocol.KeyValue, name string) []object {
	out := []object{}
	for _, kv := range list {
		out = append(out, object{{name, kv.Key}, {"value", kv.Value}})
	}
	return out
}
