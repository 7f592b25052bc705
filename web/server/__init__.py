"""HTTP: gunicorn's worker, an event loop that reads and writes, threads that compute."""
