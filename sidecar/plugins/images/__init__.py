"""The picture archive."""
