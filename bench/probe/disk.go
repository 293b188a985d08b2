package probe

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const sectorBytes = 512 // in /proc/diskstats, whatever the device's own sector size is

// Mount says where a directory lives.
type Mount struct {
	FileSystem string `json:"file_system"`      // such as ext4
	Device     string `json:"device,omitempty"` // name in /proc/diskstats; empty if there is none
	Options    string `json:"options"`
}

// Disk counts what a whole device did since the machine started, for every process on it.
type Disk struct {
	Flushes    int64 // flush requests completed
	WriteBytes int64
}

// FindMount returns the mount that holds dir.
func FindMount(dir string) (Mount, error) {
	real, err := filepath.EvalSymlinks(dir)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return Mount{}, fmt.Errorf("find the mount of %s: %w", dir, err)
	}
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return Mount{}, fmt.Errorf("find the mount of %s: %w", dir, err)
	}
	entry, ok := longestMount(string(table), real)
	if !ok {
		return Mount{}, fmt.Errorf("find the mount of %s: it is below no mount point", dir)
	}
	mount := Mount{FileSystem: entry.fileSystem, Options: entry.options}
	mount.Device = wholeDevice(entry.number)
	return mount, nil
}

type mountEntry struct {
	number     string // major:minor
	point      string
	options    string
	fileSystem string
}

// longestMount picks the mount point that is the longest prefix of dir; of equals the last, which
// lies on top.
func longestMount(table, dir string) (best mountEntry, found bool) {
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		dash := slices.Index(fields, "-") // separates a variable number of optional fields
		if dash < 6 || len(fields) < dash+2 {
			continue
		}
		entry := mountEntry{
			number: fields[2], point: fields[4], options: fields[5], fileSystem: fields[dash+1],
		}
		below := dir == entry.point || strings.HasPrefix(dir, strings.TrimSuffix(entry.point, "/")+"/")
		if below && len(entry.point) >= len(best.point) {
			best, found = entry, true
		}
	}
	return best, found
}

// wholeDevice returns the name of the device with that major:minor number; for a partition that of
// the disk, because flushes are counted there. Empty for file systems without a device.
func wholeDevice(number string) string {
	link, err := filepath.EvalSymlinks("/sys/dev/block/" + number)
	if err != nil {
		return ""
	}
	if _, err := os.Stat(filepath.Join(link, "partition")); err == nil {
		link = filepath.Dir(link)
	}
	return filepath.Base(link)
}

// ReadDisk returns the counters of a device.
func ReadDisk(device string) (Disk, error) {
	if device == "" {
		return Disk{}, errors.New("read disk figures: the file system has no block device")
	}
	text, err := os.ReadFile("/proc/diskstats")
	if err != nil {
		return Disk{}, fmt.Errorf("read disk figures: %w", err)
	}
	return parseDisk(string(text), device)
}

func parseDisk(text, device string) (Disk, error) {
	// Positions on a line, from 0: major, minor, name, then the statistics.
	const nameAt, sectorsWrittenAt, flushesAt = 2, 9, 18
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) <= nameAt || fields[nameAt] != device {
			continue
		}
		if len(fields) <= flushesAt {
			return Disk{}, fmt.Errorf("read disk figures: no flush count for %s; "+
				"it needs Linux 5.5 or later", device)
		}
		sectors, _ := strconv.ParseInt(fields[sectorsWrittenAt], 10, 64)
		flushes, _ := strconv.ParseInt(fields[flushesAt], 10, 64)
		return Disk{Flushes: flushes, WriteBytes: sectors * sectorBytes}, nil
	}
	return Disk{}, fmt.Errorf("read disk figures: no device %s in /proc/diskstats", device)
}

// DirBytes returns the space that the files below dir take on disk. Files that vanish while it
// looks are left out.
func DirBytes(dir string) (int64, error) {
	var sum int64
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() {
			return nil // it vanished, or takes no space
		}
		sum += allocatedBytes(info)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("measure the size of %s: %w", dir, err)
	}
	return sum, nil
}
