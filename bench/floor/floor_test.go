package floor

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/bench/load"
	"github.com/perdure/perdure/bench/workload"
)

// running is a Server with its listeners.
type running struct {
	server         *Server
	ingress, admin string
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// start runs a Server until the test ends.
func start(t *testing.T) running {
	t.Helper()
	dir := t.TempDir()
	server, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	ingress, admin := listen(t), listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, ingress, admin) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	return running{server, ingress.Addr().String(), admin.Addr().String()}
}

// startService runs the benchmark's services until the test ends and registers them.
func (r running) startService(t *testing.T) {
	t.Helper()
	listener := listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- workload.Serve(ctx, listener, t.Output()) }()
	t.Cleanup(func() {
		r.server.client.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	r.register(t, "http://"+listener.Addr().String(), http.StatusCreated)
}

func (r running) register(t *testing.T, uri string, want int) {
	t.Helper()
	answer, err := http.Post("http://"+r.admin+"/deployments", "application/json",
		strings.NewReader(fmt.Sprintf(`{"uri":%q}`, uri)))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if answer.StatusCode != want {
		t.Fatalf("registration of %q answered %s", uri, answer.Status)
	}
}

func (r running) syncs() int {
	r.server.disk.token <- struct{}{}
	defer func() { <-r.server.disk.token }()
	return r.server.disk.syncs
}

// The figures of the floor mean nothing if it syncs less often than a real server has to.
func TestCallsWaitForTheirSyncs(t *testing.T) {
	r := start(t)
	r.startService(t)
	for name, want := range map[string]int{"three-step": 5, "echo": 2} {
		scenario, err := workload.New(name, workload.Config{Run: "r", Payload: 2000, Clients: 1})
		if err != nil {
			t.Fatal(err)
		}
		generator, err := load.NewGenerator(load.Config{Address: r.ingress, Clients: 1})
		if err != nil {
			t.Fatal(err)
		}
		before := r.syncs()
		result := generator.Run(t.Context(), load.Phase{Requests: 7}, scenario.Next)
		generator.Close()
		if err := result.Err(); err != nil {
			t.Fatal(err)
		}
		if got := r.syncs() - before; got != 7*want {
			t.Errorf("%d syncs for 7 calls of %s, want %d", got, name, 7*want)
		}
	}
}

func TestManyClients(t *testing.T) {
	r := start(t)
	r.startService(t)
	generator, err := load.NewGenerator(load.Config{Address: r.ingress, Clients: 16})
	if err != nil {
		t.Fatal(err)
	}
	defer generator.Close()
	scenario, err := workload.New("three-step", workload.Config{Run: "r", Payload: 3, Clients: 16})
	if err != nil {
		t.Fatal(err)
	}
	if err := generator.Run(t.Context(), load.Phase{Requests: 200}, scenario.Next).Err(); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotPlayedFails(t *testing.T) {
	r := start(t)
	post := func(path string) (int, string) {
		client := load.NewClient(r.ingress, time.Minute)
		defer client.Close()
		status, answer, err := client.Post(t.Context(), path, []byte("1"))
		if err != nil {
			t.Fatal(err)
		}
		return status, string(answer)
	}
	if status, answer := post("/Echo/echo"); status != http.StatusNotFound {
		t.Errorf("a call before the registration answered %d %s", status, answer)
	}
	r.register(t, "", http.StatusBadRequest)
	r.startService(t)
	for path, want := range map[string]string{
		"/Chain/run":     "is not played",
		"/Echo/none":     "answered 404",
		"/ThreeStep/k/x": "answered 404",
		"/Echo/echo":     "the handler failed", // a number is no string
	} {
		if status, answer := post(path); status != http.StatusInternalServerError ||
			!strings.Contains(answer, want) {
			t.Errorf("%s answered %d %s, want %q in it", path, status, answer, want)
		}
	}
}

// Commits that wait while another one syncs share the next sync.
func TestCommitsShareASync(t *testing.T) {
	d, err := openDisk(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	const callers, size = 10, 7
	d.token <- struct{}{} // as if a sync were running
	var waiting sync.WaitGroup
	for range callers {
		waiting.Go(func() {
			if err := d.commit(bytes.Repeat([]byte("r"), size)); err != nil {
				t.Error(err)
			}
		})
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		d.mu.Lock()
		held := len(d.next.records)
		d.mu.Unlock()
		if held == callers*size {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes wait, want %d", held, callers*size)
		}
	}
	<-d.token
	waiting.Wait()
	if d.syncs != 1 || d.offset != callers*size {
		t.Errorf("%d syncs of %d bytes, want 1 of %d", d.syncs, d.offset, callers*size)
	}
}

func TestTheFileIsWrittenAgainWhenItIsFull(t *testing.T) {
	d, err := openDisk(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	d.offset = logBytes - 2
	if err := d.commit([]byte("abcde")); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[int64]string{logBytes - 2: "ab", 0: "cde"} {
		got := make([]byte, len(want))
		if _, err := d.file.ReadAt(got, at); err != nil || string(got) != want {
			t.Errorf("%q at %d (%v), want %q", got, at, err, want)
		}
	}
	if info, err := d.file.Stat(); err != nil || info.Size() != logBytes || d.offset != 3 {
		t.Errorf("the file grew to %d (%v), offset %d", info.Size(), err, d.offset)
	}
}

func TestCommitReportsAFailedDisk(t *testing.T) {
	d, err := openDisk(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
	if err := d.commit([]byte("x")); err == nil {
		t.Error("a closed file passed")
	}
}

func TestFrames(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 5000)
	text := appendFrame(appendFrame(nil, typeRun, nil), typeOutput, long)
	in := bufio.NewReader(bytes.NewReader(text))
	kind, payload, err := readFrame(in, nil)
	if kind != typeRun || len(payload) != 0 || err != nil {
		t.Errorf("%#x %q %v", kind, payload, err)
	}
	kind, payload, err = readFrame(in, payload)
	if kind != typeOutput || !bytes.Equal(payload, long) || err != nil {
		t.Errorf("%#x of %d bytes, %v", kind, len(payload), err)
	}
	for cut := range len(text) {
		in := bufio.NewReader(bytes.NewReader(text[:cut]))
		_, payload, err := readFrame(in, nil)
		if cut >= headerBytes {
			_, _, err = readFrame(in, payload)
		}
		if err == nil {
			t.Fatalf("%d of %d bytes passed", cut, len(text))
		}
	}
	huge := []byte{0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}
	if _, _, err := readFrame(bufio.NewReader(bytes.NewReader(huge)), nil); err == nil {
		t.Error("a frame of 4 GiB passed")
	}
}

func TestParse(t *testing.T) {
	message := appendVarint(nil, proposalID, 300)
	message = appendValue(message, proposalValue, []byte("v"))
	message = append(message, 0x7d, 1, 2, 3, 4) // field 15, four bytes
	found, err := parse(message)
	if err != nil {
		t.Fatal(err)
	}
	content, err := found.content(proposalValue)
	if found.numbers[proposalID] != 300 || string(content) != "v" || err != nil {
		t.Errorf("got %+v, %v", found, err)
	}
	for cut := range len(message) {
		if cut == 0 || cut == 3 || cut == 8 { // between fields
			continue
		}
		if _, err := parse(message[:cut]); err == nil {
			t.Errorf("%d of %d bytes passed", cut, len(message))
		}
	}
}

func TestStreamEnds(t *testing.T) {
	s := newStream()
	s.send([]byte("abc"))
	s.finish()
	text, err := io.ReadAll(s)
	if string(text) != "abc" || err != nil {
		t.Errorf("read %q, %v", text, err)
	}
}
