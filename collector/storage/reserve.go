package storage

import (
	"crypto/rand"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
)

// reserve is a file that takes disk space, so that there is some when a full disk keeps a queue from being emptied: the
// database behind a queue writes before it frees.
type reserve struct {
	path string
	want int64

	lock  sync.Mutex
	short bool
}

// lend frees the space while something is done, and takes what is left of it afterwards.
func (r *reserve) lend(use func()) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if err := os.Truncate(r.path, 0); err != nil {
		return
	}
	use()
	_ = r.extend()
}

// fill takes the space, as much as there is. Returns the error that kept it from taking all.
func (r *reserve) fill() error {
	r.lock.Lock()
	defer r.lock.Unlock()
	return r.extend()
}

// refill tries again to take what could not be had.
func (r *reserve) refill() {
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.short {
		_ = r.extend()
	}
}

func (r *reserve) extend() error {
	if r.want == 0 {
		return nil
	}
	file, err := os.OpenFile(r.path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if size > r.want {
		return file.Truncate(r.want)
	}
	// not zeros, which some file systems keep without taking space
	_, err = io.CopyN(file, rand.Reader, r.want-size)
	r.short = err != nil
	return err
}

func isNoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
