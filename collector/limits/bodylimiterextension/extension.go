// Package bodylimiterextension limits the decompressed bodies that an HTTP receiver reads, and lets the sender know.
//
// The receiver's own limit (max_request_body_size) ends the connection while the sender is still sending. Many clients
// see a broken connection then instead of the answer, and send the same again without end. This middleware reads what is
// left of the body, up to that limit, before the receiver answers; and its error says what the limit is.
package bodylimiterextension

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensionmiddleware"
	"go.uber.org/zap"
)

// Config of the extension.
type Config struct {
	// MaxSize is the largest body in bytes, decompressed. The receiver's max_request_body_size should be above it.
	MaxSize int64 `mapstructure:"max_size"`
}

// Validate checks what the collector has read.
func (cfg *Config) Validate() error {
	if cfg.MaxSize <= 0 {
		return errors.New("max_size must be above 0")
	}
	return nil
}

// NewFactory makes the factory that the collector's builder looks for.
func NewFactory() extension.Factory {
	return extension.NewFactory(
		component.MustNewType("body_limiter"),
		func() component.Config { return &Config{} },
		func(_ context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
			return &limiter{maxSize: cfg.(*Config).MaxSize, logger: set.Logger}, nil
		},
		component.StabilityLevelBeta,
	)
}

type limiter struct {
	component.StartFunc
	component.ShutdownFunc
	maxSize int64
	logger  *zap.Logger
}

var _ extensionmiddleware.HTTPServer = (*limiter)(nil)

// GetHTTPHandler wraps the body of each request; the receiver answers 400 with the error that reading it returns.
func (l *limiter) GetHTTPHandler(context.Context) (extensionmiddleware.WrapHTTPHandlerFunc, error) {
	return func(_ context.Context, next http.Handler) (http.Handler, error) {
		return http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
			request.Body = &limitedBody{ReadCloser: request.Body, left: l.maxSize, limiter: l}
			next.ServeHTTP(answer, request)
		}), nil
	}, nil
}

type limitedBody struct {
	io.ReadCloser
	left    int64
	limiter *limiter
}

func (b *limitedBody) Read(buffer []byte) (int, error) {
	if int64(len(buffer)) > b.left+1 {
		buffer = buffer[:b.left+1]
	}
	count, err := b.ReadCloser.Read(buffer)
	if b.left -= int64(count); b.left >= 0 {
		return count, err
	}
	_, _ = io.Copy(io.Discard, b.ReadCloser) // what goes wrong here changes nothing in the answer
	err = fmt.Errorf(
		"the request is larger than the limit of %d bytes (decompressed): nothing of it was taken; send less at a time",
		b.limiter.maxSize,
	)
	b.limiter.logger.Warn("A request was refused", zap.String("reason", err.Error()))
	return 0, err
}
