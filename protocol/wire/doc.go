// Package wire writes and reads protocol buffer messages by hand: the few lines that every codec
// of this module shares, over the wire-level functions of the protobuf library.
//
// To write, append fields; zero values are left out:
//
//	dst = wire.AppendString(dst, 1, m.Service)
//	dst, mark := wire.Begin(dst, 2, 0) // a nested message
//	dst = wire.AppendUvarint(dst, 1, m.Target.Kind)
//	dst = wire.End(dst, mark)
//
// To read, iterate; fields that the switch does not name are skipped:
//
//	d := wire.NewDecoder(b)
//	for d.Next() {
//		switch d.Field() {
//		case 1:
//			m.Service = d.RawString()
//		case 2:
//			d.Fail(decodeTarget(&m.Target, d.Bytes()))
//		}
//	}
//	return d.Err()
//
// Invariant: a Decoder never reads outside its input, never panics, and allocates nothing but the
// strings it returns and the error it ends with. Byte slices alias the input: they are valid as
// long as the input is unchanged. Strings are copies.
//
// Nesting is the caller's: each level is a new Decoder, so recursion is only as deep as the types
// of the caller are; whoever decodes a recursive type counts its levels. A Decoder may be used by
// one goroutine at a time.
package wire
