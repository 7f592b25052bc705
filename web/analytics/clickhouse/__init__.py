"""Queries on ClickHouse: the one place that pages and JSON API read from.

Every method may raise ClickHouseUnavailableError (ClickHouse is away, refuses, or took too long) and no error of the driver.
"""
