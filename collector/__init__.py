"""The OpenTelemetry Collector distribution."""
