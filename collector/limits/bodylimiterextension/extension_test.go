package bodylimiterextension

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensionmiddleware"
)

// read lets a receiver read a body of a length through the middleware, and returns what it read, the error it got, and
// how much of the body was left unread.
func read(t *testing.T, maxSize int64, length int) (string, error, int) {
	t.Helper()
	made, err := NewFactory().Create(t.Context(), extension.Settings{TelemetrySettings: componenttest.NewNopTelemetrySettings(), ID: component.MustNewID("body_limiter")}, &Config{MaxSize: maxSize})
	if err != nil {
		t.Fatal(err)
	}
	wrap, err := made.(extensionmiddleware.HTTPServer).GetHTTPHandler(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	var failed error
	handler, err := wrap(t.Context(), http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		got, failed = io.ReadAll(request.Body)
	}))
	if err != nil {
		t.Fatal(err)
	}
	body := strings.NewReader(strings.Repeat("x", length))
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "/v1/logs", io.NopCloser(body))
	if err != nil {
		t.Fatal(err)
	}
	handler.ServeHTTP(nil, request)
	return string(got), failed, body.Len()
}

func TestABodyUpToTheLimitIsReadAsItIs(t *testing.T) {
	for _, length := range []int{0, 1, 511, 512, 513, 999, 1000} {
		if got, err, _ := read(t, 1000, length); err != nil || len(got) != length {
			t.Errorf("%d bytes: %d, %v", length, len(got), err)
		}
	}
}

func TestABodyAboveItIsReadToItsEndAndRefused(t *testing.T) {
	const said = "the request is larger than the limit of 1000 bytes (decompressed): nothing of it was taken; send less at a time"
	for _, length := range []int{1001, 1002, 100_000} {
		if _, err, left := read(t, 1000, length); err == nil || err.Error() != said || left != 0 {
			t.Errorf("%d bytes: %v, %d left", length, err, left)
		}
	}
}

func TestALimitIsNeeded(t *testing.T) {
	if (&Config{}).Validate() == nil || (&Config{MaxSize: 1}).Validate() != nil {
		t.Error(errors.New("max_size must be above 0"))
	}
}
