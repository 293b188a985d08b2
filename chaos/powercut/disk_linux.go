package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	imageBytes = 1 << 30
	// ioctlShutdown is the shutdown call of ext4 and xfs; noLogFlush leaves the journal as it is on
	// disk.
	ioctlShutdown = 0x8004587d
	noLogFlush    = 2
	// umountPatience is how long a mount may stay busy after the server's death.
	umountPatience = time.Minute
)

// disk is a file system in an image.
type disk struct {
	image, dir string
	mounted    bool
}

// newDisk makes a file system below tmp and mounts it. The error is errIncapable when this machine
// or user cannot do that.
func newDisk(ctx context.Context, tmp string) (*disk, error) {
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("%w: mounting takes root", errIncapable)
	}
	if _, err := exec.LookPath("mkfs.ext4"); err != nil {
		return nil, fmt.Errorf("%w: mkfs.ext4 is missing, install e2fsprogs", errIncapable)
	}
	d := &disk{image: filepath.Join(tmp, "disk.img"), dir: filepath.Join(tmp, "disk")}
	if err := os.Mkdir(d.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the mount point: %w", err)
	}
	f, err := os.Create(d.image)
	if err != nil {
		return nil, fmt.Errorf("make the image: %w", err)
	}
	if err := errors.Join(f.Truncate(imageBytes), f.Close()); err != nil {
		return nil, fmt.Errorf("make the image: %w", err)
	}
	if err := tool(ctx, "mkfs.ext4", "-q", "-F", d.image); err != nil {
		return nil, err
	}
	if err := d.mount(ctx); err != nil {
		return nil, fmt.Errorf("%w: the image cannot be mounted: %w", errIncapable, err)
	}
	return d, nil
}

func (d *disk) mount(ctx context.Context) error {
	if err := tool(ctx, "mount", "-o", "loop", d.image, d.dir); err != nil {
		return err
	}
	d.mounted = true
	return nil
}

// cut takes the power away: every write and sync fails from now on.
func (d *disk) cut() error {
	fd, err := unix.Open(d.dir, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", d.dir, err)
	}
	defer unix.Close(fd)
	if err := unix.IoctlSetPointerInt(fd, ioctlShutdown, noLogFlush); err != nil {
		return fmt.Errorf("shut the file system down: %w", err)
	}
	return nil
}

// fill leaves so many bytes of the disk free, until the returned function is called. The space is
// reserved, not written.
func (d *disk) fill(leave int64) (undo func() error, err error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(d.dir, &fs); err != nil {
		return nil, fmt.Errorf("ask for the free space: %w", err)
	}
	f, err := os.Create(filepath.Join(d.dir, "fill"))
	if err != nil {
		return nil, fmt.Errorf("fill the disk: %w", err)
	}
	undo = func() error { return errors.Join(f.Close(), os.Remove(f.Name())) }
	if err := unix.Fallocate(int(f.Fd()), 0, 0, int64(fs.Bavail)*fs.Bsize-leave); err != nil {
		return nil, errors.Join(fmt.Errorf("fill the disk: %w", err), undo())
	}
	return undo, nil
}

// unmount gives the image back. A process that was killed may hold it for another moment.
func (d *disk) unmount(ctx context.Context) error {
	if !d.mounted {
		return nil
	}
	for deadline := time.Now().Add(umountPatience); ; time.Sleep(10 * time.Millisecond) {
		err := tool(ctx, "umount", d.dir)
		if err == nil {
			d.mounted = false
			return nil
		}
		if time.Now().After(deadline) {
			return err
		}
	}
}

func tool(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
