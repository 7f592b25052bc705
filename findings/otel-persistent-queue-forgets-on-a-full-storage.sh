#!/usr/bin/env bash
# OpenTelemetry Collector: a persistent sending_queue loses records that it has acknowledged when its storage is full.
#
# sending_queue::storage is there so that nothing acknowledged is lost. The queue marks an item as taken before it sends
# it, which writes to the storage. When that fails, here because file_storage::max_size is reached (a full disk is the same),
# the item is dropped with a line at debug level, although it is in the file and can be read: the sender was told that it
# is safe. By the source, a start loses more: the items that were on their way are deleted first and then added again,
# and what can't be added is gone. So a storage that fills up while the destination is away, which is what it is for,
# loses records once the destination is back.
#
# Version: go.opentelemetry.io/collector/exporter/exporterhelper v0.161.0 (its persistent_queue.go is the same in v0.165.0) and
# opentelemetry-collector-contrib/extension/storage/filestorage v0.161.0, from the Go module proxy.
# Source: exporterhelper/internal/queue/persistent_queue.go, getNextItem and enqueueNotDispatchedReqs.
# Output seen:
#   acknowledged 473, delivered 452 (some are lost in every run; how many differs)
# Needs Go 1.26 or newer on PATH. Ends with 1 when the behaviour has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/pdata/plog"
	metric "go.opentelemetry.io/otel/metric/noop"
	trace "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"
)

type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	acknowledged, delivered := int32(0), int32(0)
	for size := 1000; size <= 12_000; size += 1000 {
		taken, arrived := run(size)
		acknowledged, delivered = acknowledged+taken, delivered+arrived
	}
	fmt.Printf("acknowledged %d, delivered %d\n", acknowledged, delivered)
	if delivered >= acknowledged {
		fmt.Println("the behaviour has changed")
		os.Exit(1)
	}
}

// run fills a queue with records of a size, and returns how many were acknowledged, and how many delivered in the end.
func run(size int) (int32, int32) {
	ctx := context.Background()
	telemetry := component.TelemetrySettings{Logger: zap.NewNop(), TracerProvider: trace.NewTracerProvider(), MeterProvider: metric.NewMeterProvider()}
	id := component.MustNewID("file_storage")
	config := filestorage.NewFactory().CreateDefaultConfig().(*filestorage.Config)
	config.Directory, config.MaxSize = must(os.MkdirTemp(".", "queue")), 256<<10
	storage := must(filestorage.NewFactory().Create(ctx, extension.Settings{ID: id, TelemetrySettings: telemetry}, config))

	var delivered atomic.Int32
	back := make(chan struct{})
	last := make(chan struct{})
	push := func(_ context.Context, logs plog.Logs) error {
		<-back
		if logs.LogRecordCount() == 0 { // the queue sends an empty request for one that it has refused
			return nil
		}
		delivered.Add(1)
		if logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().Str() == "" {
			close(last)
		}
		return nil
	}
	queue := exporterhelper.NewDefaultQueueConfig()
	queue.StorageID, queue.NumConsumers = &id, 1
	queue.Batch = configoptional.None[exporterhelper.BatchConfig]()
	logs := must(exporterhelper.NewLogs(ctx, exporter.Settings{ID: component.MustNewID("otlp"), TelemetrySettings: telemetry}, &queue, push,
		exporterhelper.WithQueue(configoptional.Some(queue)), exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{})))
	must(0, logs.Start(ctx, host{id: storage}))

	acknowledged := int32(0)
	for range 200 { // the destination is away; the storage fills up, and says so to the senders
		one := plog.NewLogs()
		one.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr(strings.Repeat("x", size))
		if logs.ConsumeLogs(ctx, one) == nil {
			acknowledged++
		}
	}
	close(back)
	must(0, logs.Shutdown(ctx))

	// what is still in the file is delivered by a second start
	again := must(exporterhelper.NewLogs(ctx, exporter.Settings{ID: component.MustNewID("otlp"), TelemetrySettings: telemetry}, &queue, push,
		exporterhelper.WithQueue(configoptional.Some(queue))))
	must(0, again.Start(ctx, host{id: storage}))
	one := plog.NewLogs()
	one.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	for again.ConsumeLogs(ctx, one) != nil {
	}
	acknowledged++
	<-last // one consumer sends in order: nothing is in the queue any more
	must(0, again.Shutdown(ctx))
	return acknowledged, delivered.Load()
}
GO
go mod init finding >log 2>&1
for module in exporter@v1.67.0 exporter/exporterhelper@v0.161.0 extension@v1.67.0 config/configoptional@v1.67.0 pdata@v1.67.0; do
	packages+=("go.opentelemetry.io/collector/$module")
done
go get github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage@v0.161.0 "${packages[@]}" >>log 2>&1 || { cat log; exit 2; }
go run .
