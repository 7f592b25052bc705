"""The sidecar's own metrics and logs."""
