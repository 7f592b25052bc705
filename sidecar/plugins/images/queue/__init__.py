"""The queue of images to archive: an SQLite journal and the spool of bytes that came in events."""
