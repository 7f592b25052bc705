package storage

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
	"google.golang.org/protobuf/encoding/protowire"
)

// Under this key exporterhelper's queue keeps a PersistentMetadata message (its internal/queue/meta.proto); an item has
// its number as its key.
const (
	metadataKey     = "qmv0"
	readIndexField  = 3 // fixed64: the next item to take
	dispatchedField = 5 // repeated fixed64: items that were taken and not finished
)

var errMetadata = errors.New("its metadata can't be read")

// resumed is what a process before this one has left: of the items from the first that it had taken up to those that it
// had not, only these are there.
type resumed struct {
	taken []uint64 // in order
	below uint64
}

func (r resumed) isMissing(key string) bool {
	if r.below == 0 {
		return false
	}
	index, err := strconv.ParseUint(key, 10, 64)
	if err != nil || index >= r.below {
		return false
	}
	_, found := slices.BinarySearch(r.taken, index)
	return !found
}

// resume lets the queue begin at the first item that the process before this one had taken. Left to itself, the queue
// would delete such items and then add them again, and lose what it can't add or what a kill comes before.
func (c *client) resume(ctx context.Context) error {
	stored, err := c.inner.Get(ctx, metadataKey)
	if err != nil {
		return err
	}
	changed, resumed, err := resumeAt(stored)
	if err != nil || changed == nil {
		return err
	}
	c.resumed = resumed
	c.pending = map[string]*storage.Operation{metadataKey: storage.SetOperation(metadataKey, changed)}
	c.logger.Info("Items that were being delivered when the collector ended are delivered again", zap.Int("items", len(resumed.taken)))
	return nil
}

// resumeAt returns the metadata with the items that were taken put back, nil if there are none.
func resumeAt(metadata []byte) ([]byte, resumed, error) {
	var others []byte
	var left resumed
	for len(metadata) > 0 {
		number, kind, size := protowire.ConsumeField(metadata)
		if size < 0 {
			return nil, resumed{}, fmt.Errorf("%w: %w", errMetadata, protowire.ParseError(size))
		}
		_, _, tag := protowire.ConsumeTag(metadata)
		field, value := metadata[:size], metadata[tag:size]
		metadata = metadata[size:]
		switch {
		case number == readIndexField && kind == protowire.Fixed64Type:
			left.below, _ = protowire.ConsumeFixed64(value)
		case number == dispatchedField && kind == protowire.Fixed64Type:
			index, _ := protowire.ConsumeFixed64(value)
			left.taken = append(left.taken, index)
		case number == dispatchedField && kind == protowire.BytesType:
			packed, _ := protowire.ConsumeBytes(value)
			for ; len(packed) >= 8; packed = packed[8:] {
				left.taken = append(left.taken, binary.LittleEndian.Uint64(packed))
			}
		default:
			others = append(others, field...)
		}
	}
	if len(left.taken) == 0 {
		return nil, resumed{}, nil
	}
	slices.Sort(left.taken)
	others = protowire.AppendTag(others, readIndexField, protowire.Fixed64Type)
	return protowire.AppendFixed64(others, min(left.below, left.taken[0])), left, nil
}
