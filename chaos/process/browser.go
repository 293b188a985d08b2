package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const playwrightVersion = "1.64.1"

// Browser returns the binary of Chromium. Without one, root on a machine with apt-get installs it.
func Browser(ctx context.Context) (string, error) {
	find := func() (string, bool) {
		for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
			if found, err := exec.LookPath(name); err == nil {
				return found, true
			}
		}
		return "", false
	}
	if found, ok := find(); ok {
		return found, nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return "", fmt.Errorf("chromium is needed and not on the PATH: install it " +
			"(Debian: apt-get install chromium)")
	}
	// Another installation may hold the lock.
	const wait = "DPkg::Lock::Timeout=300"
	for _, args := range [][]string{{"update", "-q"}, {"install", "-qy", "chromium"}} {
		args = append([]string{"-o", wait}, args...)
		if err := Tool(ctx, "", "env", append([]string{"DEBIAN_FRONTEND=noninteractive", "apt-get"},
			args...)...); err != nil {
			return "", fmt.Errorf("install chromium by hand and try again: %w", err)
		}
	}
	if found, ok := find(); ok {
		return found, nil
	}
	return "", fmt.Errorf("the package chromium has brought no chromium: install a Chromium by hand")
}

// Playwright installs playwright-core, which drives a browser and brings none, into a folder of the
// user's cache unless it is there. It returns that folder, in which scripts find it.
func Playwright(ctx context.Context) (string, error) {
	if _, err := exec.LookPath("node"); err != nil {
		return "", fmt.Errorf("node is needed and not on the PATH: install Node.js 18 or later: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	dir := filepath.Join(cache, "perdure", "playwright-core-"+playwrightVersion)
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "playwright-core", "package.json")); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	return dir, NPM(ctx, dir, "install", "--prefix", dir, "playwright-core@"+playwrightVersion)
}
