package ingress

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
)

// A body that was announced and never came once cost its whole length in memory.
func TestAnnouncedBodyCostsNothing(t *testing.T) {
	const announced, requests = 30 << 20, 4
	h := New(Config{}, newSchema(t), &fakePartitions{}, nil, Events{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range requests {
		body := io.MultiReader(bytes.NewReader([]byte("x")), brokenReader{})
		r := httptest.NewRequest(http.MethodPost, "/Greeter/any", body)
		r.ContentLength = announced
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusInternalServerError {
			t.Fatalf("a broken body gives %d %s, want 500", w.Code, w.Body)
		}
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > announced {
		t.Fatalf("%d requests without body used %d bytes", requests, used)
	}
}

func TestLargeBodiesAreWhole(t *testing.T) {
	for _, size := range []int{0, 1, maxTrustedBytes, maxTrustedBytes + 1, 5 << 20} {
		for _, announced := range []bool{true, false} {
			want := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
			r := httptest.NewRequest(http.MethodPost, "/Greeter/any", bytes.NewReader(want))
			if !announced {
				r.ContentLength = -1
			}
			h := New(Config{}, newSchema(t), &fakePartitions{}, nil, Events{})
			got, err := h.readBody(&response{w: httptest.NewRecorder()}, r)
			if err != nil || got == nil || !bytes.Equal(got.bytes, want) {
				t.Errorf("size %d, announced %t: error %v, or other bytes", size, announced, err)
			}
		}
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("the client went away") }
