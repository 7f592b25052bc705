"""Makes blocks of columns from requests, without an object for each record (docs/adr/0041-blocks-of-columns.md)."""
