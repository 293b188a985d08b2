// Package journal holds what an invocation's journal is made of: commands (what the handler asked
// for), notifications (what became of it) and signals (what others sent).
//
// An Entry keeps the message exactly as it is said on the wire, so that replay copies bytes; the
// message structs are its decoded form, for those who must look inside. Messages are encoded as
// protocol buffers, field numbers as in the service protocol; unknown fields are skipped.
//
// Invariant: Decode(m.Type(), m.Append(nil)) gives m back. Everything here is a plain value.
package journal
