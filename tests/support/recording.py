"""A tracker that exports into memory, and what it recorded."""

from typing import Any

from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter

from chattrail import Tracker, create_tracker


class Recording:
    """A tracker whose records can be looked at."""

    def __init__(self, **options: Any) -> None:
        self.memory = InMemoryLogRecordExporter()
        self.tracker: Tracker = create_tracker("test", exporter=self.memory, **options)

    @property
    def records(self) -> list[Any]:
        assert self.tracker.flush(10)
        return [item.log_record for item in self.memory.get_finished_logs()]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The records' attributes, with the `type` of each and the time it has in nanoseconds as `at`."""
        return [
            dict(record.attributes or {})
            | {"type": str(record.event_name).removeprefix("chattrail."), "at": record.timestamp}
            for record in self.records
        ]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]
