"""A trail as lines of JSON that are written while it is read: of any length, in bounded memory."""

import json
from collections.abc import Iterator

from web.analytics.trail_models import TrailPage
from web.api.output import jsonable

JSON_LINES = "application/x-ndjson"


def trail_lines(pages: Iterator[TrailPage]) -> Iterator[bytes]:
    """A JSON object for each event, as in the API's trail."""
    for page in pages:
        for event in page.events:
            yield json.dumps(jsonable(event), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
