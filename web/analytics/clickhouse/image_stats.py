"""Counts the images by what has become of them, from the table `images`."""

from web.analytics.clickhouse.client import ClickHouse, from_milliseconds
from web.analytics.clickhouse.sql import sql
from web.analytics.models import ImageFailures, ImageStats

REASONS_MAX = 20


def image_stats(clickhouse: ClickHouse) -> ImageStats:
    """The images of all events of all time, as they are now."""
    archived, pending, failed, erased, oldest = clickhouse.row(sql("image_states"))
    (size,) = clickhouse.row(sql("image_bytes")) if archived else (0,)
    reasons = clickhouse.rows(sql("image_failures"), {"limit": REASONS_MAX}) if failed else ()
    oldest_pending_at = from_milliseconds(oldest) if pending else None
    failures = tuple(ImageFailures(*row) for row in reasons)
    return ImageStats(archived, pending, failed, erased, size, oldest_pending_at, failures)
