// Package console serves a web console below /ui/: the static files of a bundle that the operator
// names, a folder or a ZIP file.
//
// No bundle comes with the server. The official web UI works with it, and everything that it asks
// for is answered by packages admin and query; how to get it is on the page that is served when no
// bundle is named.
//
// Invariant: a path that is no file of the bundle gets its index.html, because the console finds its
// way from the path by itself. A Console is used by many goroutines.
package console
