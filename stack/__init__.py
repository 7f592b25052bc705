"""Runs all parts on one machine as processes: what `make demo` and `make run` start. Production uses docker-compose.yml."""
