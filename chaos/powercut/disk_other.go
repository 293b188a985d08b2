//go:build !linux

package main

import (
	"context"
	"fmt"
)

type disk struct{ dir string }

func newDisk(context.Context, string) (*disk, error) {
	return nil, fmt.Errorf("%w: only Linux can shut a file system down", errIncapable)
}

func (*disk) mount(context.Context) error      { return errIncapable }
func (*disk) cut() error                       { return errIncapable }
func (*disk) fill(int64) (func() error, error) { return nil, errIncapable }
func (*disk) unmount(context.Context) error    { return nil }
