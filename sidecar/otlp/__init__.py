"""OTLP logs requests: protobuf and JSON, whole or in pieces, with broken records set aside."""
