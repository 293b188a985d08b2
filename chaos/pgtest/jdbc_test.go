package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/perdure/perdure/chaos/process"
)

// driver has Maven put the JDBC driver into the user's cache, unless that was done before, and gives the
// class path.
func driver(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	pom, err := os.ReadFile(filepath.Join("testdata", "pom.xml"))
	if err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(cache, "perdure-pgtest")
	copied, jars := filepath.Join(target, "pom.xml"), filepath.Join(target, "lib")
	// The copy of the pom.xml tells what was installed; it is written last.
	if old, err := os.ReadFile(copied); err == nil && string(old) == string(pom) {
		return filepath.Join(jars, "*")
	}
	if err := os.RemoveAll(target); err != nil {
		t.Fatal(err)
	}
	source, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Tool(t.Context(), source, "mvn", "--batch-mode", "--quiet",
		"dependency:copy-dependencies", "-DoutputDirectory="+jars); err != nil {
		t.Fatalf("Maven could not fetch the JDBC driver: %v", err)
	}
	if err := os.WriteFile(copied, pom, 0o644); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(jars, "*")
}

// TestJDBC runs the checks of Check.java, each of which prints a line.
func TestJDBC(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m",
		"-cp", driver(t), filepath.Join("testdata", "Check.java"),
		fmt.Sprintf("jdbc:postgresql://%s:%s/restate", server.host, server.port), user, password)
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	checks := 0
	for line := range strings.Lines(string(out)) {
		verdict, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		checks++
		t.Run(name, func(t *testing.T) {
			if verdict != "ok" {
				t.Error(line)
			}
		})
	}
	if err != nil {
		t.Errorf("the program ended with %v: %s", err, problems.String())
	}
	if checks == 0 {
		t.Error("no check has run")
	}
}
