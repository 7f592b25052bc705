package storage

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

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
