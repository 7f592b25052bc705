"""From records to an OpenTelemetry collector: queue, transport, and what a killed process leaves behind."""
