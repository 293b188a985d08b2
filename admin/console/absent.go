package console

import (
	_ "embed"
	"net/http"
)

//go:embed absent.html
var absentPage []byte

// Absent serves, in the place of a Console, a page that says how to get one.
type Absent struct{}

// ServeHTTP implements http.Handler.
func (Absent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, ok := wanted(w, r); !ok {
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write(absentPage) // a client that went away is not our failure
}
