"""Lists as files: CSV for spreadsheets, a JSON object a line for programs."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any

from web.analytics.models import Revenue
from web.analytics.retention import Retention
from web.analytics.trail_models import TrailEvent, UserRow
from web.api.output import jsonable

CSV, JSON_LINES = "text/csv", "application/x-ndjson"
COLUMNS = tuple(field.name for field in fields(UserRow))
MARK = "\ufeff"  # without it Excel takes a file for one of an 8-bit code page
# what a spreadsheet takes for the beginning of a formula, of which it may run one that sends the sheet elsewhere
FORMULA = re.compile(r"[=+\-@\t\r\n\uff0b\uff0d\uff1d\uff20]")
NUMBER = re.compile(r"-?[0-9]+")


def csv_lines(people: Iterable[UserRow]) -> Iterator[bytes]:
    """A heading, then a line for each person."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)  # lines end with CR and LF, as RFC 4180 has it
    buffer.write(MARK)
    writer.writerow(COLUMNS)
    for person in people:
        writer.writerow([_cell(getattr(person, name)) for name in COLUMNS])
        yield _taken(buffer)
    yield _taken(buffer)


def retention_lines(retention: Retention) -> Iterator[bytes]:
    """A heading, then a line for each cohort and later period; the line of period 0 has all of the cohort."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write(MARK)
    writer.writerow(("from", "to", retention.split, retention.period, "people", "of", "so_far"))
    for cohort in retention.cohorts:
        who = [_cell(each) if each is not None else "" for each in (cohort.start, cohort.end, cohort.value)]
        writer.writerow([*who, 0, cohort.people, cohort.people, "false"])
        for cell in cohort.cells:
            writer.writerow([*who, cell.later, cell.people, cell.of, _cell(cell.so_far)])
    yield _taken(buffer)


def json_lines(rows: Iterable[UserRow | TrailEvent]) -> Iterator[bytes]:
    """A JSON object for each, as in the API's pages of people and of trails."""
    for row in rows:
        yield json.dumps(jsonable(row), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _cell(value: Any) -> str:
    if isinstance(value, tuple):
        return "; ".join(f"{jsonable(each.amount)} {each.currency}" for each in value if isinstance(each, Revenue))
    if isinstance(value, bool):
        return str(value).lower()
    text = str(jsonable(value))
    if isinstance(value, str) and FORMULA.match(text) and not NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()
