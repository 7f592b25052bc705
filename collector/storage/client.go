package storage

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
)

const retryInterval = 500 * time.Millisecond

var errMissing = errors.New("the item is not in the storage")

// client stands between exporterhelper's queue and its file. When a call fails, the queue forgets the item that it is
// about: right for an item that is being added, as its sender gets the error, and a loss for any other. So:
//   - a batch that adds an item is on disk when it succeeds, or fails;
//   - what takes an item only reads. That it was taken is written with the next item that is added or deleted: an item
//     that is not known as taken when the process dies is sent again, not lost. Reading waits until it can be done;
//   - what deletes an item succeeds. If it can't be written, it is kept in memory and written with what can be.
type client struct {
	inner    storage.Client
	reserve  *reserve
	stopping <-chan struct{}
	logger   *zap.Logger

	lock     sync.Mutex
	pending  map[string]*storage.Operation // what was set and deleted and is not on disk yet, by key
	resumed  resumed
	missing  string // the last item that was asked for and is not there: nothing has to be deleted
	failed   error  // once reading was given up nothing is written any more: what is on disk is sent after a restart
	troubled bool   // a failure is logged when it begins, and when writing succeeds again
}

func (c *client) Get(ctx context.Context, key string) ([]byte, error) {
	op := storage.GetOperation(key)
	err := c.Batch(ctx, op)
	return op.Value, err
}

func (c *client) Set(ctx context.Context, key string, value []byte) error {
	return c.Batch(ctx, storage.SetOperation(key, value))
}

func (c *client) Delete(ctx context.Context, key string) error {
	return c.Batch(ctx, storage.DeleteOperation(key))
}

// Batch does what it is asked for in one transaction, together with what could not be written before.
func (c *client) Batch(ctx context.Context, ops ...*storage.Operation) error {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.failed != nil {
		return c.failed
	}
	writes := maps.Clone(c.pending)
	if writes == nil {
		writes = map[string]*storage.Operation{}
	}
	var reads []*storage.Operation
	adds, deletes, marks := false, false, false
	for _, op := range ops {
		switch {
		case op.Type == storage.Get && writes[op.Key] != nil:
			op.Value = slices.Clone(writes[op.Key].Value)
		case op.Type == storage.Get:
			reads = append(reads, op)
		case op.Type == storage.Delete && op.Key == c.missing:
			c.missing = ""
		default:
			writes[op.Key] = op
			adds = adds || op.Type == storage.Set && op.Key != metadataKey
			deletes = deletes || op.Type == storage.Delete
			marks = marks || op.Key == metadataKey
		}
	}
	if adds || deletes {
		err := c.write(ctx, adds, slices.AppendSeq(slices.Clone(reads), maps.Values(writes)))
		if err == nil {
			c.pending = nil
			return nil
		}
		if adds {
			return err
		}
	}
	c.pending = writes
	if err := c.read(ctx, reads); err != nil {
		return err
	}
	if marks && len(reads) == 1 && reads[0].Value == nil {
		c.missing = reads[0].Key // the queue takes an item that was refused when it was to be added
		return errMissing
	}
	return nil
}

// write writes a transaction. What adds nothing may use the reserve.
func (c *client) write(ctx context.Context, adds bool, ops []*storage.Operation) error {
	err := c.inner.Batch(ctx, ops...)
	if isNoSpace(err) && !adds {
		c.reserve.lend(func() { err = c.inner.Batch(ctx, ops...) })
	}
	c.log(err)
	if err == nil && adds {
		c.reserve.refill()
	}
	return err
}

// read reads, and waits for as long as that can't be done.
func (c *client) read(ctx context.Context, ops []*storage.Operation) error {
	ops = slices.DeleteFunc(slices.Clone(ops), func(op *storage.Operation) bool { return c.resumed.isMissing(op.Key) })
	if len(ops) == 0 {
		return nil
	}
	for {
		err := c.inner.Batch(ctx, ops...)
		if err == nil {
			return nil
		}
		c.log(err)
		select {
		case <-c.stopping:
			c.failed = err
			return err
		case <-ctx.Done():
			c.failed = ctx.Err()
			return c.failed
		case <-time.After(retryInterval):
		}
	}
}

func (c *client) log(err error) {
	if err != nil && !c.troubled {
		c.logger.Warn("The queue's storage can't be used; nothing that was acknowledged is lost", zap.Error(err))
	} else if err == nil && c.troubled {
		c.logger.Info("The queue's storage can be used again")
	}
	c.troubled = err != nil
}

// Close writes what is still to be written, if that is possible, and closes the file.
func (c *client) Close(ctx context.Context) error {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.failed == nil && len(c.pending) > 0 {
		_ = c.write(ctx, false, slices.Collect(maps.Values(c.pending))) // else it is sent again
		c.pending = nil
	}
	return c.inner.Close(ctx)
}
