"""ClickHouse over HTTP from the chDB engine."""
