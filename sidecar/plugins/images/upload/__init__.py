"""Uploading images to the store, each once."""
