"""Who gets in: a password, a one-time link, or an API token; never a default."""
