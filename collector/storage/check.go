package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
	"go.uber.org/zap"
)

// A damaged file can end the process that reads it in ways that no recover catches. So a child checks it: this program,
// started under another name.
const (
	checkName    = "chattrail-queue-check"
	exitSound    = 0
	exitUnknown  = 1
	exitCrashed  = 2 // the Go runtime's own
	exitDamaged  = 3
	checkStack   = 32 * oneMiB
	checkTimeout = time.Second // for the file's lock
)

var lastByte byte // a variable of the package, so that reading it is not optimised away

func init() {
	if os.Args[0] != checkName || len(os.Args) != 2 {
		return
	}
	debug.SetMaxStack(checkStack)
	damage, err := check(os.Args[1])
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitUnknown)
	case damage != "":
		fmt.Fprintln(os.Stderr, damage)
		os.Exit(exitDamaged)
	}
	os.Exit(exitSound)
}

// setDamagedAside renames every damaged queue of a folder to `<name>.<time>.damaged`.
func setDamagedAside(ctx context.Context, folder string, logger *zap.Logger) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		file := filepath.Join(folder, entry.Name())
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() || info.Size() == 0 || !strings.HasPrefix(entry.Name(), "exporter_") ||
			strings.HasSuffix(file, ".damaged") || strings.HasSuffix(file, ".backup") {
			continue
		}
		damage, err := checkInChild(ctx, file)
		if err != nil {
			return fmt.Errorf("checking the queue %s: %w", file, err)
		}
		if damage == "" {
			continue
		}
		aside := file + "." + strings.Replace(time.Now().UTC().Format("20060102T150405.000000"), ".", "", 1) + ".damaged"
		if err := os.Rename(file, aside); err != nil {
			return err
		}
		logger.Warn("a queue was damaged and is set aside", zap.String("file", aside), zap.String("damage", damage))
	}
	return nil
}

// checkInChild returns what is wrong with a file, "" if nothing is.
func checkInChild(ctx context.Context, file string) (damage string, err error) {
	program, err := os.Executable()
	if err != nil {
		return "", err
	}
	var output bytes.Buffer
	child := exec.CommandContext(ctx, program)
	child.Args = []string{checkName, file}
	child.Env = []string{"GOTRACEBACK=none"}
	child.Stderr = &output
	err = child.Run()
	if err == nil {
		return "", nil
	}
	first, _, _ := strings.Cut(strings.TrimSpace(output.String()), "\n")
	if exited := (*exec.ExitError)(nil); errors.As(err, &exited) {
		if code := exited.ExitCode(); code == exitDamaged || code == exitCrashed {
			return first, nil
		}
	}
	return "", fmt.Errorf("%w: %s", err, first)
}

// check opens a file as a client would, and lets the database check it. May end the process.
func check(file string) (damage string, err error) {
	db, err := bbolt.Open(file, 0, &bbolt.Options{ReadOnly: true, Timeout: checkTimeout})
	if errors.Is(err, berrors.ErrTimeout) || errors.As(err, new(syscall.Errno)) {
		return "", err // in use, or it can't be read: nothing is known about it
	}
	if err != nil {
		return err.Error(), nil
	}
	defer db.Close()
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	err = db.View(func(tx *bbolt.Tx) error {
		if size := tx.Size(); info.Size() < size {
			return fmt.Errorf("the file ends after %d of %d bytes", info.Size(), size)
		}
		for err := range tx.Check() {
			return err
		}
		return tx.ForEach(func(_ []byte, bucket *bbolt.Bucket) error { return checkItems(tx, bucket) })
	})
	if err != nil {
		return err.Error(), nil
	}
	return "", nil
}

// checkItems checks what the database's own check leaves out: that values lie in the file, and that the queue's list of
// what was taken can be read.
func checkItems(tx *bbolt.Tx, bucket *bbolt.Bucket) error {
	left := tx.Size()
	err := bucket.ForEach(func(key, value []byte) error {
		if left -= int64(len(key) + len(value)); left < 0 {
			return errors.New("its items are larger than the file")
		}
		if len(value) > 0 {
			lastByte = value[len(value)-1] // ends this process if it lies outside of the file
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, _, err = resumeAt(bucket.Get([]byte(metadataKey)))
	return err
}
