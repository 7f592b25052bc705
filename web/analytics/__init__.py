"""Queries on ClickHouse and the models of their results."""
