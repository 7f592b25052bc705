#!/usr/bin/env bash
# OpenTelemetry Collector, exporterhelper: a log record larger than sending_queue::batch::max_size is taken from the
# sender and then dropped; up to 0.161 every record behind it in the same request is dropped with it.
#
# With sizer: bytes the queue cuts requests into batches of max_size. A record can't be cut. It is found too large on
# the way out of the queue, when the receiver has long answered 200, so nobody sends it again. v0.161.0 ends the cutting
# with an error there and loses the rest of the request, whatever its size; v0.165.0 goes on behind the large record,
# and loses that one only. A limit on requests at the receiver does not prevent it, as records grow when they are
# decoded (pdata_absent_fields_come_back_empty.sh).
#
# Source: go.opentelemetry.io/collector/exporter/exporterhelper, logsRequest.split in internal/queuebatch/logs_batch.go.
# What our collector does about it: docs/adr/0023-limits-at-the-collectors-door.md.
#
# Output seen (records of one request with bodies of these lengths, max_size 100):
#   v0.161.0
#   [5 5 5] taken: true delivered: [0 1 2]
#   [5 280 5] taken: true delivered: [0]
#   [280 5 5] taken: true delivered: []
#   v0.165.0
#   [5 5 5] taken: true delivered: [0 1 2]
#   [5 280 5] taken: true delivered: [0 2]
#   [280 5 5] taken: true delivered: [1 2]
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
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/plog"
)

func main() {
	for _, lengths := range [][]int{{5, 5, 5}, {5, 280, 5}, {280, 5, 5}} {
		delivered := []string{}
		queue := exporterhelper.NewDefaultQueueConfig()
		queue.Sizer, queue.QueueSize, queue.NumConsumers = exporterhelper.RequestSizerTypeBytes, 1<<20, 1
		queue.Batch = configoptional.Some(exporterhelper.BatchConfig{
			Sizer: exporterhelper.RequestSizerTypeBytes, MinSize: 100, MaxSize: 100, FlushTimeout: time.Hour,
		})
		exporter, err := exporterhelper.NewLogs(
			context.Background(), exportertest.NewNopSettings(component.MustNewType("nop")), struct{}{},
			func(_ context.Context, logs plog.Logs) error {
				for _, resource := range logs.ResourceLogs().All() {
					for _, scope := range resource.ScopeLogs().All() {
						for _, record := range scope.LogRecords().All() {
							delivered = append(delivered, record.EventName())
						}
					}
				}
				return nil
			}, exporterhelper.WithQueue(configoptional.Some(queue)))
		must(err)
		must(exporter.Start(context.Background(), nil))
		logs := plog.NewLogs()
		records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
		for number, length := range lengths {
			record := records.AppendEmpty()
			record.SetEventName(fmt.Sprint(number))
			record.Body().SetStr(strings.Repeat("b", length))
		}
		taken := exporter.ConsumeLogs(context.Background(), logs) == nil
		must(exporter.Shutdown(context.Background()))
		fmt.Println(lengths, "taken:", taken, "delivered:", delivered)
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
GO
go mod init finding >log 2>&1
for version in v0.161.0 v0.165.0; do
    modules=(go.opentelemetry.io/collector/exporter/exporter{helper,test}@"$version")
    go get "${modules[@]}" >>log 2>&1 || { cat log; exit 2; }
    echo "$version"
    go run .
done | tee seen
diff seen - >log <<'EXPECTED' || { echo "the behaviour has changed"; exit 1; }
v0.161.0
[5 5 5] taken: true delivered: [0 1 2]
[5 280 5] taken: true delivered: [0]
[280 5 5] taken: true delivered: []
v0.165.0
[5 5 5] taken: true delivered: [0 1 2]
[5 280 5] taken: true delivered: [0 2]
[280 5 5] taken: true delivered: [1 2]
EXPECTED
