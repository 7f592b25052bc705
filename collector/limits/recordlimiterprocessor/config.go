// Package recordlimiterprocessor keeps log records that no batch can carry out of an exporter's queue.
//
// A sending_queue whose batches are limited in bytes (sending_queue::batch::max_size) drops a record that is larger than
// a batch (up to 0.161 every record behind it, too) after the sender has got its answer. What a record takes is known only when it
// has been decoded and transformed: a JSON body, an empty message or a masked text can grow. So this processor stands
// last before the exporter, with the same max_size.
package recordlimiterprocessor

import "errors"

// Config of the processor.
type Config struct {
	// MaxSize is the largest size in bytes of one record with its resource and its scope, encoded as protobuf.
	// It must not be above the max_size of the exporter's batches.
	MaxSize int `mapstructure:"max_size"`
	// MaxRecords is the largest number of records in one request; 0 means any. A queue that counts items and blocks when
	// it is full would keep a request with more records than queue_size waiting for ever.
	MaxRecords int `mapstructure:"max_records"`
	// Drop removes the records that are too large and passes the others on. Without it the request is refused as a
	// whole, with an error that is final for its sender.
	Drop bool `mapstructure:"drop"`
}

// Validate checks what the collector has read.
func (cfg *Config) Validate() error {
	if cfg.MaxSize <= 0 {
		return errors.New("max_size must be above 0: set it to the max_size of the exporter's batches")
	}
	if cfg.MaxRecords < 0 {
		return errors.New("max_records must be 0 (any number) or above")
	}
	if cfg.MaxRecords > 0 && cfg.Drop {
		return errors.New("max_records needs a sender that can be refused: it can't be set together with drop")
	}
	return nil
}
