package recordlimiterprocessor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor/processortest"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// queue is the real exporterhelper with a queue that batches by bytes, before a destination that keeps ids and sizes.
type queue struct {
	exporter.Logs
	lock  sync.Mutex
	ids   []string
	sizes []int
}

func newQueue(t *testing.T, maxSize int) *queue {
	made := &queue{}
	config := exporterhelper.NewDefaultQueueConfig()
	config.Sizer = exporterhelper.RequestSizerTypeItems
	config.BlockOnOverflow = true
	config.NumConsumers = 1
	config.Batch = configoptional.Some(exporterhelper.BatchConfig{
		Sizer: exporterhelper.RequestSizerTypeBytes, MinSize: int64(maxSize / 12), MaxSize: int64(maxSize),
		FlushTimeout: time.Hour, // what is left goes out at the end
	})
	exporter, err := exporterhelper.NewLogs(
		t.Context(), exportertest.NewNopSettings(component.MustNewType("test")), &config, made.push,
		exporterhelper.WithQueue(configoptional.Some(config)),
	)
	must(t, err)
	must(t, exporter.Start(t.Context(), componenttest.NewNopHost()))
	made.Logs = exporter
	return made
}

func (q *queue) push(_ context.Context, logs plog.Logs) error {
	q.lock.Lock()
	defer q.lock.Unlock()
	q.ids = append(q.ids, ids(logs)...)
	q.sizes = append(q.sizes, sizer.LogsSize(logs))
	return nil
}

func ids(logs plog.Logs) (found []string) {
	for _, resource := range logs.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				found = append(found, record.EventName())
			}
		}
	}
	return found
}

// request has a list of resources, each a list of scopes, each a list of records, each the length of its text; a
// resource's and a scope's first number is the length of a text of its own.
func request(prefix string, resources ...[][]int) plog.Logs {
	logs, number := plog.NewLogs(), 0
	for _, scopes := range resources {
		resource := logs.ResourceLogs().AppendEmpty()
		resource.Resource().Attributes().PutStr("r", strings.Repeat("r", scopes[0][0]))
		for _, records := range scopes[1:] {
			scope := resource.ScopeLogs().AppendEmpty()
			scope.Scope().SetName(strings.Repeat("s", records[0]))
			for _, length := range records[1:] {
				record := scope.LogRecords().AppendEmpty()
				record.SetEventName(fmt.Sprintf("%s.%d", prefix, number))
				record.Body().SetStr(strings.Repeat("b", length))
				number++
			}
		}
	}
	return logs
}

// deliver sends requests through the processor into the queue, and fails unless what was taken is what arrived.
func deliver(t *testing.T, config Config, requests ...plog.Logs) (taken []string) {
	t.Helper()
	queue := newQueue(t, config.MaxSize)
	processor, err := create(t.Context(), processortest.NewNopSettings(component.MustNewType("record_limiter")), &config, queue)
	must(t, err)
	for _, logs := range requests {
		sent := ids(logs)
		size, before := sizer.LogsSize(logs), len(sent)
		switch err := processor.ConsumeLogs(t.Context(), logs); {
		case err == nil:
			taken = append(taken, sent...)
		case status.Code(err) != codes.InvalidArgument:
			t.Fatalf("not final: %v", err)
		case size <= config.MaxSize:
			t.Fatalf("a request of %d bytes with %d records was refused: %v", size, before, err)
		}
	}
	must(t, queue.Shutdown(t.Context()))
	if slices.Sort(queue.ids); !config.Drop && !slices.Equal(slices.Sorted(slices.Values(taken)), queue.ids) {
		t.Fatalf("max_size %d: taken %d records, delivered %d", config.MaxSize, len(taken), len(queue.ids))
	}
	for _, size := range queue.sizes {
		if size > config.MaxSize {
			t.Fatalf("a batch of %d bytes, above the limit of %d", size, config.MaxSize)
		}
	}
	return queue.ids
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Sizes around which the length of a length changes are among them: 127, 16,383.
func TestWhatIsTakenIsDeliveredAtEverySizeAroundTheLimit(t *testing.T) {
	for _, maxSize := range []int{125, 128, 135, 150, 16_383, 16_390, 16_400} {
		for length := maxSize - 70; length <= maxSize+2; length++ {
			for _, logs := range [][][][]int{
				{{{3}, {2, length}}},
				{{{3}, {2, length, 5}}},
				{{{3}, {2, 5, length}}},
				{{{3}, {2, length}, {2, 5}}},
				{{{3}, {2, length}}, {{3}, {2, 5}}},
				{{{length}, {2, 1}}},
				{{{length}, {2, 1, 5}}},
				{{{1}, {length, 1, 5}}},
			} {
				deliver(t, Config{MaxSize: maxSize}, request("small", [][]int{{1}, {1, 1}}), request("large", logs...))
			}
		}
	}
}

func TestWhatIsTakenIsDeliveredWhateverItIsMadeOf(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	length := func(maxSize int) int {
		return chance.IntN([]int{3, maxSize / 8, maxSize + 10}[chance.IntN(3)])
	}
	refused := 0
	for range 3000 {
		maxSize, sent := 100+chance.IntN(200), 0
		var requests []plog.Logs
		for number := range 1 + chance.IntN(4) {
			var resources [][][]int
			for range chance.IntN(4) { // none at all is possible, here and below
				scopes := [][]int{{length(maxSize)}}
				for range chance.IntN(3) {
					records := []int{length(maxSize)}
					for range chance.IntN(5) {
						records = append(records, length(maxSize))
					}
					scopes = append(scopes, records)
				}
				resources = append(resources, scopes)
			}
			logs := request(fmt.Sprint(number), resources...)
			sent += logs.LogRecordCount()
			requests = append(requests, logs)
		}
		refused += sent - len(deliver(t, Config{MaxSize: maxSize}, requests...))
	}
	if refused == 0 {
		t.Fatal("nothing was refused: the sizes are too small to show anything")
	}
}

func TestARequestAboveTheLimitIsTakenWhenEachRecordFits(t *testing.T) {
	if got := deliver(t, Config{MaxSize: 200}, request("a", [][]int{{9}, {9, 90, 90, 90, 90}})); len(got) != 4 {
		t.Fatalf("delivered %v", got)
	}
}

func TestARefusalNamesTheSizesAndWhatToDo(t *testing.T) {
	config := Config{MaxSize: 100, MaxRecords: 3}
	limiter := &limiter{config: config, logger: processortest.NewNopSettings(component.MustNewType("x")).Logger}
	for said, logs := range map[string]plog.Logs{
		"a log record takes 319 bytes with its resource and scope, above the limit of 100: nothing of the request was " +
			"taken; make the record smaller or leave it out, and send the others again": request("a", [][]int{{1}, {1, 5, 280}}),
		"the request has 4 log records, more than the queue can hold (3): nothing of it was taken; send fewer at a " +
			"time, or raise the queue's size": request("a", [][]int{{1}, {1, 1, 1, 1, 1}}),
	} {
		_, err := limiter.process(t.Context(), logs)
		if refused := status.Convert(err); refused.Code() != codes.InvalidArgument || refused.Message() != said {
			t.Errorf("%v", err)
		}
	}
}

func TestDropTakesOutTheRecordAloneAndKeepsItsNeighbours(t *testing.T) {
	config := Config{MaxSize: 100, Drop: true}
	got := deliver(t, config,
		request("a", [][]int{{1}, {1, 5, 280, 5}, {1, 300}}, [][]int{{1}, {1, 400, 6}}),
		request("b", [][]int{{1}, {1, 500}}), // nothing is left of it
		request("c", [][]int{{1}, {1, 7}}),
	)
	if !slices.Equal(got, []string{"a.0", "a.2", "a.5", "c.0"}) {
		t.Fatalf("delivered %v", got)
	}
}

// The behaviour that this processor is for, with the records behind up to 0.161. When this fails, it can go.
func TestTheQueueAloneTakesARecordThatIsTooLargeAndDropsIt(t *testing.T) {
	queue := newQueue(t, 100)
	must(t, queue.ConsumeLogs(t.Context(), request("a", [][]int{{1}, {1, 5, 280, 5}})))
	must(t, queue.Shutdown(t.Context()))
	if !slices.Contains(queue.ids, "a.0") || slices.Contains(queue.ids, "a.1") {
		t.Fatalf("delivered %v", queue.ids)
	}
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	for said, config := range map[string]Config{
		"max_size must be above 0":            {},
		"max_records must be 0":               {MaxSize: 1, MaxRecords: -1},
		"max_records needs a sender that can": {MaxSize: 1, MaxRecords: 1, Drop: true},
	} {
		if err := config.Validate(); err == nil || !strings.HasPrefix(err.Error(), said) {
			t.Errorf("%+v: %v", config, err)
		}
	}
	must(t, (&Config{MaxSize: 1}).Validate())
}

var _ consumer.Logs = (*queue)(nil)
