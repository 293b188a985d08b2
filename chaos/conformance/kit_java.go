package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/perdure/perdure/chaos/process"
)

// prepareJava has Maven put the SDK and what it needs into the user's cache, unless that was
// done before, and compiles the services into dir.
func prepareJava(ctx context.Context, dir string) ([]string, error) {
	for _, name := range []string{"java", "javac", "mvn"} {
		if _, err := exec.LookPath(name); err != nil {
			return nil, fmt.Errorf("%s is needed and not on the PATH: "+
				"install a JDK, 17 or newer, and Maven: %w", name, err)
		}
	}
	source, target, err := folders(ctx, "javaservice", "perdure-scenario-java")
	if err != nil {
		return nil, err
	}
	libraries := filepath.Join(target, "lib")
	pom := filepath.Join(source, "pom.xml")
	if err := installOnce(pom, target, libraries, func() error {
		// Libraries of an earlier pom.xml must not stay on the class path.
		if err := os.RemoveAll(libraries); err != nil {
			return err
		}
		return process.Tool(ctx, target, "mvn", "--batch-mode", "--quiet",
			"dependency:copy-dependencies", "-DoutputDirectory="+libraries)
	}); err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(source, "src", "main", "java", "scenario", "*.java"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no sources below %s", source)
	}
	classes := filepath.Join(dir, "java")
	jars := filepath.Join(libraries, "*")
	args := []string{"--release", "17", "-proc:none", "-nowarn", "-encoding", "UTF-8",
		"-cp", jars, "-d", classes}
	if err := process.Tool(ctx, source, "javac", append(args, files...)...); err != nil {
		return nil, err
	}
	path := classes + string(os.PathListSeparator) + jars
	// The quickest start matters more here than the best code after minutes.
	return []string{"java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m",
		"-cp", path, "scenario.Main"}, nil
}
