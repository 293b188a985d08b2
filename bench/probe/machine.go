package probe

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// Machine is what a reader needs to judge figures. Facts that cannot be read are empty.
type Machine struct {
	CPU         string  `json:"cpu"`
	Cores       int     `json:"cores"`
	MemoryMiB   int64   `json:"memory_mib"`
	OS          string  `json:"os"`
	Kernel      string  `json:"kernel"`
	Mount       Mount   `json:"data_directory"`
	SyncP50Ms   float64 `json:"fsync_p50_ms"`
	SyncP99Ms   float64 `json:"fsync_p99_ms"`
	LoadAverage string  `json:"load_average"` // before the run: 1, 5 and 15 minutes
	GoVersion   string  `json:"go_version"`
	Commit      string  `json:"commit,omitempty"`
}

// ReadMachine returns the facts of this machine for data in dir. It measures fsync there.
func ReadMachine(ctx context.Context, dir string) (Machine, error) {
	mount, err := FindMount(dir)
	if err != nil {
		return Machine{}, err
	}
	p50, p99, err := MeasureSync(dir)
	if err != nil {
		return Machine{}, err
	}
	return Machine{
		CPU:         cpuModel(readText("/proc/cpuinfo")),
		Cores:       runtime.NumCPU(),
		MemoryMiB:   readField("/proc/meminfo", "MemTotal") >> 10,
		OS:          runtime.GOOS + "/" + runtime.GOARCH,
		Kernel:      readText("/proc/sys/kernel/osrelease"),
		Mount:       mount,
		SyncP50Ms:   millis(p50),
		SyncP99Ms:   millis(p99),
		LoadAverage: loadAverage(readText("/proc/loadavg")),
		GoVersion:   runtime.Version(),
		Commit:      commit(ctx),
	}, nil
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func readText(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func cpuModel(info string) string {
	for line := range strings.Lines(info) {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func loadAverage(text string) string {
	fields := strings.Fields(text)
	return strings.Join(fields[:min(3, len(fields))], " ")
}

// commit asks git for the commit of the working directory, and failing that the build. Uncommitted
// changes show as "+changes".
func commit(ctx context.Context) string {
	hash, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output()
	if err == nil {
		status, err := exec.CommandContext(ctx, "git", "status", "--porcelain", "-uno").Output()
		if err == nil && len(status) > 0 {
			return strings.TrimSpace(string(hash)) + "+changes"
		}
		return strings.TrimSpace(string(hash))
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				return setting.Value
			}
		}
	}
	return ""
}
