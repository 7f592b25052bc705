package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/plog"
)

// process is a collector as far as a queue can see: the extension, and the real exporterhelper with its queue on it.
type process struct {
	exporter.Logs
	*watched
	lock      sync.Mutex
	delivered []string
	held      map[string]bool // records that the destination does not answer for
	let       chan struct{}
	arrived   chan string // every record, before the destination answers
}

func (p *process) GetExtensions() map[component.ID]component.Component {
	return map[component.ID]component.Component{component.MustNewID("file_storage"): p.watched}
}

// watched is the extension, with a file that can be made to fail between its client and file_storage's.
type watched struct {
	*fileStorage
	client   storage.Client
	broken   atomic.Bool
	failures atomic.Int32
}

func (w *watched) GetClient(ctx context.Context, kind component.Kind, id component.ID, name string) (storage.Client, error) {
	made, err := w.fileStorage.GetClient(ctx, kind, id, name)
	if err == nil {
		made.(*client).inner = &breakable{made.(*client).inner, w}
		w.client = made
	}
	return made, err
}

type breakable struct {
	storage.Client
	watched *watched
}

func (b *breakable) Batch(ctx context.Context, ops ...*storage.Operation) error {
	if b.watched.broken.Load() {
		b.watched.failures.Add(1)
		return syscall.EIO
	}
	return b.Client.Batch(ctx, ops...)
}

// newStorage makes the extension on a folder.
func newStorage(t *testing.T, folder string, change func(*Config)) *fileStorage {
	t.Helper()
	config := NewFactory().CreateDefaultConfig().(*Config)
	config.Directory, config.Recreate, config.ReserveMiB = folder, true, 1
	if change != nil {
		change(config)
	}
	must(t, config.Validate())
	made, err := NewFactory().Create(t.Context(), settings(), config)
	must(t, err)
	return made.(*fileStorage)
}

func settings() extension.Settings {
	return extensiontest.NewNopSettings(component.MustNewType("file_storage"))
}

// start runs a process on a folder; its destination holds some records.
func start(t *testing.T, folder string, change func(*Config), held ...string) *process {
	t.Helper()
	p := &process{watched: &watched{fileStorage: newStorage(t, folder, change)}, held: map[string]bool{}, let: make(chan struct{}), arrived: make(chan string, 10_000)}
	for _, id := range held {
		p.held[id] = true
	}
	must(t, p.fileStorage.Start(t.Context(), p))
	config, id := exporterhelper.NewDefaultQueueConfig(), component.MustNewID("file_storage")
	config.StorageID, config.NumConsumers = &id, 2
	config.Batch = configoptional.None[exporterhelper.BatchConfig]()
	set := exportertest.NewNopSettings(component.MustNewType("test"))
	set.ID = component.MustNewID("test") // the file's name
	made, err := exporterhelper.NewLogs(
		t.Context(), set, &config, p.push,
		exporterhelper.WithQueue(configoptional.Some(config)), exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{}),
	)
	must(t, err)
	must(t, made.Start(t.Context(), p))
	p.Logs = made
	return p
}

func (p *process) push(_ context.Context, logs plog.Logs) error {
	record := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	p.arrived <- record.EventName()
	if p.held[record.EventName()] {
		<-p.let
	}
	p.lock.Lock()
	defer p.lock.Unlock()
	p.delivered = append(p.delivered, record.EventName())
	return nil
}

// send adds records to the queue and returns those that it took.
func (p *process) send(t *testing.T, size int, ids ...string) (taken []string) {
	t.Helper()
	for _, id := range ids {
		logs := plog.NewLogs()
		record := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		record.SetEventName(id)
		record.Body().SetStr(strings.Repeat("x", size))
		if p.ConsumeLogs(t.Context(), logs) == nil {
			taken = append(taken, id)
		}
	}
	return taken
}

func (p *process) waitFor(t *testing.T, ids ...string) {
	t.Helper()
	missing := slices.Clone(ids)
	for deadline := time.After(30 * time.Second); len(missing) > 0; {
		p.lock.Lock()
		missing = slices.DeleteFunc(missing, func(id string) bool { return slices.Contains(p.delivered, id) })
		p.lock.Unlock()
		select {
		case <-deadline:
			t.Fatalf("not delivered: %v", missing)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func (p *process) end(t *testing.T) {
	t.Helper()
	must(t, p.NotReady())
	must(t, p.Logs.Shutdown(t.Context()))
	must(t, p.fileStorage.Shutdown(t.Context()))
}

// waitForBoth waits until each of the two consumers has sent a record that is held: then nothing is being written.
func (p *process) waitForBoth() {
	for held := 0; held < 2; {
		if p.held[<-p.arrived] {
			held++
		}
	}
}

// killed is the folder as a kill at a moment when nothing is being written leaves it.
func killed(t *testing.T, folder string) string {
	t.Helper()
	left := t.TempDir()
	must(t, os.CopyFS(left, os.DirFS(folder)))
	return left
}

func numbered(prefix string, count int) (ids []string) {
	for number := range count {
		ids = append(ids, fmt.Sprintf("%s%d", prefix, number))
	}
	return ids
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

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
