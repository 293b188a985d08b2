// Package nodelog keeps the Raft logs of all replicas on a node in one write-ahead log, as the
// consensus library's raftio.ILogDB.
//
// The log is a sequence of segment files. Updates of all replicas go into it in the order they come;
// those that come while a sync is running share the next one, so a durable step costs one write and
// one fdatasync however many replicas take part. A caller that is alone writes and syncs itself: no
// other goroutine is involved. In memory there is an index of where each entry lies, and the newest
// entries themselves within a budget of bytes.
//
// Each segment begins with a checkpoint of everything but entries, so a start reads only segments
// that still hold entries. Segments are given back oldest first: when its last entry was removed, or
// by copying what is left in it forward when little is. Files that were given back are used again,
// already filled, so that a sync does not have to write metadata of the file system.
//
// Invariant: what is read after a crash is a prefix of what was written, it ends between two groups of
// updates, and it holds every group whose sync had returned. A damaged frame that was followed by
// another sync is corruption and refuses the start; only the last group may be torn, and is cut.
//
// A failed sync is never tried again: the log refuses everything from then on. A full disk is not a
// failure: the write waits until there is space.
//
// Log may be used by many goroutines at once. docs/format/node-log.md describes the files.
package nodelog
