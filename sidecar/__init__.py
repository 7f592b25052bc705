"""Receives OTLP and hands it to plugins."""
