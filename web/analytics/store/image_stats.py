"""Asks how the archive of pictures stands, from the table `images`."""

from web.analytics.image_stats import Archive, FailureReason
from web.analytics.store.client import ClickHouse
from web.analytics.store.sql import sql
from web.analytics.store.times import moment

REASONS_MAX = 20


def archive(clickhouse: ClickHouse) -> Archive:
    """The archive as it stands now, all events of all time. Raises StoreUnavailable."""
    archived, pending, failed, erased, oldest = clickhouse.row(sql("archive"))
    (size,) = clickhouse.row(sql("archive_bytes")) if archived else (0,)
    reasons = clickhouse.rows(sql("archive_failures"), {"limit": REASONS_MAX}) if failed else ()
    return Archive(
        archived=archived,
        pending=pending,
        failed=failed,
        erased=erased,
        bytes=size,
        oldest_pending_at=moment(oldest) if pending else None,
        failures=tuple(FailureReason(*row) for row in reasons),
    )
