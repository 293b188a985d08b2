package target

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startShell runs a script and waits until it has written its child's process ID.
func startShell(t *testing.T, script string) (process *Process, child int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "child")
	process, err := StartProcess([]string{"sh", "-c", script, "sh", path}, os.Environ(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(process.Kill)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		text, _ := os.ReadFile(path)
		if number, ended := strings.CutSuffix(string(text), "\n"); ended {
			if child, err = strconv.Atoi(number); err != nil {
				t.Fatal(err)
			}
			return process, child
		}
	}
	t.Fatal("the script started no child")
	return nil, 0
}

// awaitEnd waits until no process has this ID, or only the remains of one that was killed.
func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if errors.Is(err, os.ErrNotExist) || strings.Contains(string(stat), ") Z ") {
			return
		}
	}
	t.Fatalf("process %d is still there", pid)
}

func TestKillEndsChildrenToo(t *testing.T) {
	process, child := startShell(t, `sleep 60 & echo $! > "$1"; wait`)
	process.Kill()
	awaitEnd(t, child)
}

func TestStopIsGentleFirst(t *testing.T) {
	process, _ := startShell(t, `trap 'exit 7' TERM; sleep 60 & echo $! > "$1"; wait`)
	process.Stop(10 * time.Second)
	if err := process.Err(); err == nil || err.Error() != "exit status 7" {
		t.Errorf("it ended with %v, want status 7 from its own handler", err)
	}
}

func TestStopKillsWhatDoesNotListen(t *testing.T) {
	process, child := startShell(t, `trap '' TERM; sleep 60 & echo $! > "$1"; wait`)
	process.Stop(time.Millisecond)
	awaitEnd(t, child)
	if err := process.Err(); !strings.Contains(err.Error(), syscall.SIGKILL.String()) {
		t.Errorf("it ended with %v, want a kill", err)
	}
}

func TestStartShowsWhatAServerSaysBeforeItDies(t *testing.T) {
	spec, err := ParseSpec(`name=x,cmd='A=hello sh -c "echo no port {ingress} $A; exit 3"'`)
	if err != nil {
		t.Fatal(err)
	}
	instance, err := NewInstance(spec, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	err = instance.Start(t.Context())
	_, port, _ := strings.Cut(instance.Ingress(), ":")
	if want := "no port " + port + " hello"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q in it", err, want)
	}
	dir := instance.DataDir()
	if err := instance.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s was not removed: %v", dir, err)
	}
}
