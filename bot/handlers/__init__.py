"""One Router per concern."""
