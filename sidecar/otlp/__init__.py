"""OTLP logs requests: protobuf and JSON, whole or in pieces, with what is broken set apart."""
