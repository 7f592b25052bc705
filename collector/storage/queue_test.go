package storage

import (
	"errors"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

func TestWhatWasTakenIsSentAgainAfterAKill(t *testing.T) {
	folder := t.TempDir()
	first := start(t, folder, nil, "a0", "b1")
	ids := append(numbered("a", 5), numbered("b", 5)...)
	first.send(t, 100, ids...)
	first.waitForBoth() // between the two others were delivered and deleted
	left := killed(t, folder)
	second := start(t, left, nil)
	second.waitFor(t, ids[6:]...)
	second.waitFor(t, "a0")
	second.lock.Lock()
	if slices.Contains(second.delivered, "a1") {
		t.Errorf("delivered again: %v", second.delivered)
	}
	second.lock.Unlock()
	second.end(t)
	close(first.let)
	first.end(t)
	third := start(t, left, nil)
	third.send(t, 100, "last")
	third.waitFor(t, "last")
	if len(third.delivered) != 1 {
		t.Errorf("what was delivered was not deleted: %v", third.delivered)
	}
	third.end(t)
}

func TestAKillRightAfterARestartLosesNothing(t *testing.T) {
	folder, ids := t.TempDir(), numbered("a", 20)
	first := start(t, folder, nil, ids...)
	first.send(t, 100, ids...)
	for range 5 {
		first.waitForBoth()
		left := killed(t, folder)
		again := start(t, left, nil, ids...)
		close(first.let)
		first.end(t)
		first, folder = again, left
	}
	first.waitForBoth()
	last := start(t, killed(t, folder), nil)
	last.waitFor(t, ids...)
	last.end(t)
	close(first.let)
	first.end(t)
}

func TestAFullStorageDeliversWhatItHasTakenAndThenTakesMore(t *testing.T) {
	for _, size := range []int{10, 3_000, 40_000} {
		folder, ids := t.TempDir(), numbered("a", 400_000/size+20)
		small := func(config *Config) { config.MaxSize = oneMiB / 4 }
		first := start(t, folder, small, ids...)
		taken := first.send(t, size, ids...)
		if size > 10 && len(taken) == len(ids) {
			t.Fatalf("%d bytes: the storage did not fill up", size)
		}
		first.waitForBoth()
		left := killed(t, folder)
		second := start(t, left, small)
		for folder, p := range map[string]*process{folder: first, left: second} {
			if p == first {
				close(first.let)
			}
			p.waitFor(t, taken...)
			if more := p.send(t, 10, numbered("b", 50)...); len(more) == 0 {
				t.Errorf("%d bytes: nothing more was taken", size)
			} else {
				p.waitFor(t, more...)
			}
			p.end(t)
			if left := storedItems(t, folder); len(left) > 0 {
				t.Errorf("%d bytes: not deleted: %v", size, left)
			}
		}
	}
}

func TestAQueueThatCanNotBeReadWaitsAndLosesNothing(t *testing.T) {
	for _, ends := range []bool{false, true} {
		folder, ids := t.TempDir(), numbered("a", 10)
		p := start(t, folder, nil, ids...)
		p.send(t, 100, ids...)
		p.waitForBoth()
		p.broken.Store(true)
		if taken := p.send(t, 100, "refused"); taken != nil {
			t.Error("an item that is not on disk was taken")
		}
		close(p.let) // both are delivered; neither can be deleted, and no other can be taken
		p.waitFor(t, "a0", "a1")
		for p.failures.Load() < 5 {
			time.Sleep(time.Millisecond)
		}
		if ends {
			must(t, p.NotReady())
			if _, err := p.client.Get(t.Context(), "2"); !errors.Is(err, syscall.EIO) {
				t.Errorf("reading was not given up: %v", err)
			}
			p.broken.Store(false) // now the queue's memory lacks items that are on disk, and must not be written any more
			p.end(t)
			p = start(t, folder, nil)
		}
		p.broken.Store(false)
		p.waitFor(t, ids...)
		p.end(t)
		if left := storedItems(t, folder); len(left) > 0 {
			t.Errorf("not deleted: %v", left)
		}
	}
}

// storedItems are the keys of the items that a queue's file holds.
func storedItems(t *testing.T, folder string) (keys []string) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(folder, "exporter_test__logs"), 0o600, nil)
	must(t, err)
	defer db.Close()
	must(t, db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("default")).ForEach(func(key, _ []byte) error {
			if string(key) != metadataKey {
				keys = append(keys, string(key))
			}
			return nil
		})
	}))
	return keys
}

func TestAnExistingReserveIsKeptOutOfTheQueues(t *testing.T) {
	folder := t.TempDir()
	p := start(t, folder, nil)
	p.send(t, 10, "a")
	p.waitFor(t, "a")
	p.end(t)
	names, err := filepath.Glob(filepath.Join(folder, "*"))
	must(t, err)
	if want := []string{filepath.Join(folder, "exporter_test__logs"), filepath.Join(folder, "reserve")}; !slices.Equal(names, want) {
		t.Errorf("%v", names)
	}
}
