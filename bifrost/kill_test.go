package bifrost_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/perdure/perdure/bifrost"
)

// childDir, when set, makes the test binary a server to be killed instead of a test run.
const childDir = "BIFROST_TEST_CHILD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := appendForever(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// appendForever prints the number of each append that was acknowledged.
func appendForever(dir string) error {
	h, err := bifrost.OpenRaft(bifrost.RaftConfig{Dir: dir})
	if err != nil {
		return err
	}
	l, err := h.Start(context.Background(), testLog, newRecorder(&disk{}))
	if err != nil {
		return err
	}
	for i := 0; ; {
		if leads, _ := l.Leader(); !leads {
			time.Sleep(time.Millisecond)
			continue
		}
		payload := strconv.AppendInt(nil, int64(i), 10)
		if _, err := bifrost.AppendWait(context.Background(), l, payload); err != nil {
			return err
		}
		fmt.Println(i)
		i++
	}
}

func TestKilledServerKeepsWhatItAcknowledged(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	last := -1
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if last, err = strconv.Atoi(lines.Text()); err != nil {
			t.Errorf("the server printed %q", lines.Text())
		}
		if last == 500 {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	if last < 500 {
		t.Fatalf("the server ended by itself after append %d", last)
	}

	r := newRecorder(&disk{})
	l := start(t, openRaft(t, dir), testLog, r)
	mustAppend(t, l, []byte("after"))
	records, _ := seen(t, r)
	if len(records) < last+2 {
		t.Fatalf("%d records survived, %d appends were acknowledged", len(records)-1, last+1)
	}
	for i, rec := range records[:last+1] {
		if string(rec.Data) != strconv.Itoa(i) {
			t.Fatalf("record %d is %q", i, rec.Data)
		}
	}
}
