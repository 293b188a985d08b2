package wiretest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"time"

	"github.com/perdure/perdure/protocol"
)

// maxDepth is how deep a Filler follows slices and pointers of a recursive type.
const maxDepth = 6

// Filler fills structs. What it makes survives encoding: empty slices are nil, strings are valid
// UTF-8, durations are whole milliseconds, and a payload or result has one of its forms.
type Filler struct {
	rand  *rand.Rand // nil: everything is set, to values that can be recognised
	count uint64
	hooks map[reflect.Type]func(f *Filler, v reflect.Value)
	depth int
}

// Random makes a Filler of arbitrary values.
func Random(seed uint64) *Filler {
	f := Full()
	f.rand = rand.New(rand.NewPCG(seed, seed))
	return f
}

// Full makes a Filler that sets every field: strings to the field's name, numbers in order.
func Full() *Filler {
	f := &Filler{hooks: make(map[reflect.Type]func(*Filler, reflect.Value))}
	Hook(f, func(f *Filler, d *time.Duration) {
		*d = time.Duration(f.Uint64()%(1<<32)) * time.Millisecond
	})
	Hook(f, func(f *Filler, p *protocol.Payload) {
		if f.Pick(2) == 0 {
			*p = protocol.Payload{Inline: f.bytes()}
			return
		}
		p.Ref = new(protocol.PayloadRef)
		f.Fill(p.Ref)
	})
	Hook(f, func(f *Filler, r *protocol.Result) {
		if f.Pick(2) == 0 {
			f.Fill(&r.Value)
			return
		}
		r.Failure = new(protocol.Failure)
		f.Fill(r.Failure)
	})
	return f
}

// Hook makes f fill values of type T by calling fill, which gets a zero value.
func Hook[T any](f *Filler, fill func(f *Filler, v *T)) {
	f.hooks[reflect.TypeFor[T]()] = func(f *Filler, v reflect.Value) {
		fill(f, v.Addr().Interface().(*T))
	}
}

// Pick is a number below n; a full Filler picks 0.
func (f *Filler) Pick(n int) int {
	if f.rand == nil {
		return 0
	}
	return f.rand.IntN(n)
}

// Uint64 is a number, often a small one.
func (f *Filler) Uint64() uint64 {
	if f.rand == nil {
		f.count++
		return f.count
	}
	return f.rand.Uint64() >> f.rand.IntN(65)
}

// Text is a string.
func (f *Filler) Text() string { return f.text("text") }

// Fill fills what ptr points to.
func (f *Filler) Fill(ptr any) { f.fill(reflect.ValueOf(ptr).Elem(), "") }

func (f *Filler) text(name string) string {
	if f.rand == nil {
		return strings.ToLower(name)
	}
	const letters = "abcXYZ09 /\x00\"äß漢😀"
	runes := []rune(letters)
	var b strings.Builder
	for range f.rand.IntN(12) {
		b.WriteRune(runes[f.rand.IntN(len(runes))])
	}
	return b.String()
}

func (f *Filler) bytes() []byte {
	if f.rand == nil {
		return []byte("bytes")
	}
	n := f.rand.IntN(12)
	if f.rand.IntN(8) == 0 {
		n = f.rand.IntN(300)
	}
	if n == 0 {
		return nil
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(f.rand.Uint32())
	}
	return b
}

func (f *Filler) fill(v reflect.Value, name string) {
	if hook, ok := f.hooks[v.Type()]; ok {
		hook(f, v)
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(f.rand == nil || f.rand.IntN(2) == 0)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(f.Uint64() & (1<<v.Type().Bits() - 1))
	case reflect.String:
		v.SetString(f.text(name))
	case reflect.Array:
		for i := range v.Len() {
			f.fill(v.Index(i), name)
		}
	case reflect.Slice:
		f.fillSlice(v, name)
	case reflect.Pointer:
		f.fillPointer(v, name)
	case reflect.Struct:
		for i := range v.NumField() {
			f.fill(v.Field(i), v.Type().Field(i).Name)
		}
	default:
		panic(fmt.Sprintf("cannot fill %s %s; hook its type", name, v.Type()))
	}
}

func (f *Filler) fillSlice(v reflect.Value, name string) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		v.SetBytes(f.bytes())
		return
	}
	f.depth++
	defer func() { f.depth-- }()
	n := 2
	if f.rand != nil {
		n = f.rand.IntN(4)
	}
	if n == 0 || f.depth > maxDepth {
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), n, n))
	for i := range n {
		f.fill(v.Index(i), name)
	}
}

func (f *Filler) fillPointer(v reflect.Value, name string) {
	if f.Pick(2) == 0 {
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem(), name)
	}
}
