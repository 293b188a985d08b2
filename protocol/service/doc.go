// Package service holds the service protocol: what the server and a deployment say to each other
// while a handler runs.
//
// A stream is a sequence of frames, each a FrameHeader of eight bytes and a protocol buffer
// message. Control messages are defined here; commands and notifications, which are also stored,
// are those of package journal.
//
// Invariant: a Parser that is fed a stream in any pieces emits the same frames, and holds at most
// one frame of at most the size it was made with. Everything but the Parser is a plain value; a
// Parser may be used by one goroutine at a time.
package service
