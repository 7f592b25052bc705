// Package storage is OpenTelemetry's file_storage extension for queues that may forget nothing.
//
// It takes the place of file_storage, under its name and with its settings, and holds one (the contrib distribution's,
// unchanged) that reads and writes the files. What it adds: a queue whose disk is full goes on delivering and keeps what
// it has acknowledged (client.go), a restart moves no item (metadata.go), space is reserved so that a full queue can be
// emptied (reserve.go), and damaged files are set aside before they are opened (check.go).
package storage

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
)

const (
	oneMiB            = 1 << 20
	reserveName       = "reserve"
	defaultReserveMiB = 16
)

// Config has the settings of file_storage, and the size of the reserve.
type Config struct {
	filestorage.Config `mapstructure:",squash"`
	// ReserveMiB is the disk space kept for deleting what is delivered; 0 keeps none.
	ReserveMiB int64 `mapstructure:"reserve_mib"`
}

// Validate checks what the collector has read.
func (cfg *Config) Validate() error {
	if cfg.ReserveMiB < 0 {
		return errors.New("reserve_mib must not be below 0")
	}
	return cfg.Config.Validate()
}

// NewFactory makes the factory that the collector's builder looks for.
func NewFactory() extension.Factory {
	inner := filestorage.NewFactory()
	return extension.NewFactory(
		inner.Type(),
		func() component.Config {
			return &Config{Config: *inner.CreateDefaultConfig().(*filestorage.Config), ReserveMiB: defaultReserveMiB}
		},
		func(ctx context.Context, set extension.Settings, config component.Config) (extension.Extension, error) {
			cfg := config.(*Config)
			made, err := inner.Create(ctx, set, &cfg.Config)
			if err != nil {
				return nil, err
			}
			return &fileStorage{
				Extension: made.(storage.Extension),
				config:    cfg,
				logger:    set.Logger,
				reserve:   &reserve{path: filepath.Join(cfg.Directory, reserveName), want: cfg.ReserveMiB * oneMiB},
				stopping:  make(chan struct{}),
			}, nil
		},
		inner.Stability(),
	)
}

type fileStorage struct {
	storage.Extension
	config   *Config
	logger   *zap.Logger
	reserve  *reserve
	stopping chan struct{}
	stopOnce sync.Once
}

var (
	_ storage.Extension                     = (*fileStorage)(nil)
	_ extensioncapabilities.PipelineWatcher = (*fileStorage)(nil)
)

// Start sets damaged files aside, before a client opens them.
func (s *fileStorage) Start(ctx context.Context, host component.Host) error {
	if s.config.Recreate {
		if err := setDamagedAside(ctx, s.config.Directory, s.logger); err != nil {
			return err
		}
	}
	return s.Extension.Start(ctx, host)
}

// Ready is called when the pipelines run.
func (*fileStorage) Ready() error { return nil }

// NotReady is called before the pipelines end: no client waits any more, or they could not.
func (s *fileStorage) NotReady() error {
	s.stopOnce.Do(func() { close(s.stopping) })
	return nil
}

// GetClient opens a queue's file.
func (s *fileStorage) GetClient(ctx context.Context, kind component.Kind, id component.ID, name string) (storage.Client, error) {
	inner, err := s.Extension.GetClient(ctx, kind, id, name)
	if isNoSpace(err) {
		s.reserve.lend(func() { inner, err = s.Extension.GetClient(ctx, kind, id, name) })
	}
	if err != nil {
		return nil, err
	}
	made := &client{inner: inner, reserve: s.reserve, stopping: s.stopping, logger: s.logger.With(zap.Stringer("queue", id))}
	if err := made.resume(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("the queue of %s: %w", id, err), inner.Close(ctx))
	}
	if err := s.reserve.fill(); isNoSpace(err) {
		s.logger.Warn("No space left for the whole reserve", zap.String("file", s.reserve.path), zap.Error(err))
	} else if err != nil {
		return nil, errors.Join(err, inner.Close(ctx))
	}
	return made, nil
}
