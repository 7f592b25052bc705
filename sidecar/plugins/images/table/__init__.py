"""The `images` table in ClickHouse: written from the journal, read into a new one."""
