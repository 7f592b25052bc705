"""The persona bot."""
