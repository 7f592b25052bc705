package recordlimiterprocessor

import (
	"context"
	"math/bits"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor/processorhelper"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var sizer plog.ProtoMarshaler

type limiter struct {
	config Config
	logger *zap.Logger
}

func (l *limiter) process(_ context.Context, logs plog.Logs) (plog.Logs, error) {
	if count := logs.LogRecordCount(); l.config.MaxRecords > 0 && count > l.config.MaxRecords {
		return logs, l.refuse(
			"the request has %d log records, more than the queue can hold (%d): nothing of it was taken; "+
				"send fewer at a time, or raise the queue's size", count, l.config.MaxRecords,
		)
	}
	// To the exporter (up to 0.161) a piece that it has cut off and that has resources only, no record, is an error, and
	// costs the records behind it.
	removeEmpty(logs)
	if sizer.LogsSize(logs) <= l.config.MaxSize {
		return logs, nil // whole requests that fit are never cut
	}
	tooLarge, largest := 0, 0
	eachTooLarge(logs, l.config.MaxSize, func(size int) bool {
		tooLarge, largest = tooLarge+1, max(largest, size)
		return l.config.Drop
	})
	switch {
	case tooLarge == 0:
		return logs, nil
	case !l.config.Drop:
		return logs, l.refuse(
			"a log record takes %d bytes with its resource and scope, above the limit of %d: nothing of the request was "+
				"taken; make the record smaller or leave it out, and send the others again", largest, l.config.MaxSize,
		)
	}
	l.logger.Warn("Log records above max_size were dropped; the others are passed on",
		zap.Int("dropped_items", tooLarge), zap.Int("max_size", l.config.MaxSize))
	removeEmpty(logs)
	if logs.ResourceLogs().Len() == 0 {
		return logs, processorhelper.ErrSkipProcessingData
	}
	return logs, nil
}

// refuse makes an error that no sender sends again: InvalidArgument over gRPC, which the receiver turns into 400 for HTTP.
func (l *limiter) refuse(format string, values ...any) error {
	refused := status.Newf(codes.InvalidArgument, format, values...)
	l.logger.Warn("A request was refused", zap.String("reason", refused.Message()))
	return refused.Err()
}

func removeEmpty(logs plog.Logs) {
	logs.ResourceLogs().RemoveIf(func(resource plog.ResourceLogs) bool {
		resource.ScopeLogs().RemoveIf(func(scope plog.ScopeLogs) bool { return scope.LogRecords().Len() == 0 })
		return resource.ScopeLogs().Len() == 0
	})
}

// eachTooLarge calls remove with the size of every record that does not fit into a request of its own, and removes it
// when the answer is true. The sums are the ones that exporterhelper makes when it cuts a request: the room that
// a length takes is that of the largest length possible there.
func eachTooLarge(logs plog.Logs, maxSize int, remove func(size int) bool) {
	for _, resource := range logs.ResourceLogs().All() {
		resourceSize := sizer.ResourceLogsSize(resource)
		for _, scope := range resource.ScopeLogs().All() {
			resourceSize -= embedded(sizer.ScopeLogsSize(scope))
		}
		forScope := 2*maxSize - embedded(maxSize) - resourceSize
		for _, scope := range resource.ScopeLogs().All() {
			scopeSize := sizer.ScopeLogsSize(scope)
			for _, record := range scope.LogRecords().All() {
				scopeSize -= embedded(sizer.LogRecordSize(record))
			}
			forRecord := 2*forScope - embedded(forScope) - scopeSize
			scope.LogRecords().RemoveIf(func(record plog.LogRecord) bool {
				size := embedded(sizer.LogRecordSize(record))
				return size > forRecord && remove(maxSize-forRecord+size)
			})
		}
	}
}

// embedded is what a message of this size takes inside another one: tag, length, content.
func embedded(size int) int {
	return 1 + (bits.Len64(uint64(size)|1)+6)/7 + size
}
