"""Analytics events for Telegram bots, as OpenTelemetry log records."""
