package probe

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"time"
)

// Rounds and bytes of the measurements.
const (
	syncRounds     = 100
	syncBytes      = 4096
	recordBytes    = 256 // about a small record of a log
	zeroedBytes    = 1 << 20
	loopbackRounds = 1000
	loopbackBytes  = 256
	loopbackLimit  = 10 * time.Second
)

// MeasureSync returns the median and the 99th percentile of an append of 4 KiB and an fsync, in a
// new file in dir, which it removes.
func MeasureSync(dir string) (p50, p99 time.Duration, err error) {
	file, err := os.CreateTemp(dir, "sync-*")
	if err != nil {
		return 0, 0, fmt.Errorf("measure fsync: %w", err)
	}
	defer func() {
		err = errors.Join(err, file.Close(), os.Remove(file.Name()))
	}()
	block := make([]byte, syncBytes)
	return quantiles(syncRounds, func(int) error {
		if _, err := file.Write(block); err != nil {
			return fmt.Errorf("measure fsync: %w", err)
		}
		if err := file.Sync(); err != nil {
			return fmt.Errorf("measure fsync: %w", err)
		}
		return nil
	})
}

// MeasureDatasync returns the median and the 99th percentile of a write of 256 bytes and an
// fdatasync, one record after the other in a zeroed file in dir, which it removes. No log can make
// a record durable sooner on this disk.
func MeasureDatasync(dir string) (p50, p99 time.Duration, err error) {
	file, err := CreateZeroed(dir, zeroedBytes)
	if err != nil {
		return 0, 0, fmt.Errorf("measure fdatasync: %w", err)
	}
	defer func() {
		err = errors.Join(err, file.Close(), os.Remove(file.Name()))
	}()
	record := make([]byte, recordBytes)
	return quantiles(syncRounds, func(round int) error {
		record[0] = byte(round)
		if _, err := file.WriteAt(record, int64(round)*recordBytes); err != nil {
			return fmt.Errorf("measure fdatasync: %w", err)
		}
		if err := Datasync(file); err != nil {
			return fmt.Errorf("measure fdatasync: %w", err)
		}
		return nil
	})
}

// CreateZeroed makes a file of size bytes in dir whose blocks are all written, so that a later
// sync has to write data only. They are written in pieces of 4 KiB: larger ones make later syncs
// slower on some file systems.
func CreateZeroed(dir string, size int64) (*os.File, error) {
	file, err := os.CreateTemp(dir, "zeroed-*")
	if err != nil {
		return nil, fmt.Errorf("make a zeroed file: %w", err)
	}
	block := make([]byte, syncBytes)
	for at := int64(0); at < size && err == nil; at += syncBytes {
		_, err = file.WriteAt(block[:min(syncBytes, size-at)], at)
	}
	if err == nil {
		err = file.Sync()
	}
	if err != nil {
		return nil, fmt.Errorf("make a zeroed file: %w",
			errors.Join(err, file.Close(), os.Remove(file.Name())))
	}
	return file, nil
}

// MeasureLoopback returns the median and the 99th percentile of a round trip of 256 bytes over
// TCP on 127.0.0.1 between two goroutines.
func MeasureLoopback() (p50, p99 time.Duration, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, 0, fmt.Errorf("measure the loopback: %w", err)
	}
	defer listener.Close()
	near, err := net.DialTimeout("tcp", listener.Addr().String(), loopbackLimit)
	if err != nil {
		return 0, 0, fmt.Errorf("measure the loopback: %w", err)
	}
	defer near.Close()
	far, err := listener.Accept()
	if err != nil {
		return 0, 0, fmt.Errorf("measure the loopback: %w", err)
	}
	defer far.Close()
	if err := near.SetDeadline(time.Now().Add(loopbackLimit)); err != nil {
		return 0, 0, fmt.Errorf("measure the loopback: %w", err)
	}
	go echo(far)
	message := make([]byte, loopbackBytes)
	return quantiles(loopbackRounds, func(int) error {
		if _, err := near.Write(message); err != nil {
			return fmt.Errorf("measure the loopback: %w", err)
		}
		if _, err := io.ReadFull(near, message); err != nil {
			return fmt.Errorf("measure the loopback: %w", err)
		}
		return nil
	})
}

func echo(conn net.Conn) {
	message := make([]byte, loopbackBytes)
	for {
		if _, err := io.ReadFull(conn, message); err != nil {
			return // the other end has measured enough
		}
		if _, err := conn.Write(message); err != nil {
			return
		}
	}
}

// quantiles returns the median and the 99th percentile of how long do takes.
func quantiles(rounds int, do func(round int) error) (p50, p99 time.Duration, err error) {
	took := make([]time.Duration, rounds)
	for i := range took {
		start := time.Now()
		if err := do(i); err != nil {
			return 0, 0, err
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	return took[rounds/2], took[rounds*99/100], nil
}
