"""A data folder that an earlier version left opens in this one: trails, figures, images and logins are as they were.

What had not arrived when that version ended arrives in this one. `python -m tests.upgrade.write` wrote the folders.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.collector_process import binary_or_skip
from tests.upgrade.installation import (
    ANSWERS,
    ARCHIVE,
    HERE,
    Checkout,
    Installation,
    as_delivered,
    as_written,
    unpack,
)

RELEASES = sorted(path.parent for path in HERE.glob(f"*/{ARCHIVE}"))


def known(expected: Any, found: Any) -> Any:
    """What was found, without fields that answers of the earlier version did not have."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return {key: known(expected[key], value) for key, value in found.items() if key in expected}
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return [known(before, after) for before, after in zip(expected, found, strict=True)]
    return found


def test_there_is_a_folder_of_an_earlier_version() -> None:
    """An empty list of releases would pass the test below."""
    assert RELEASES


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_a_data_folder_opens_in_this_version(release: Path, tmp_path: Path) -> None:
    """First as it was left; then with what was on its way: in the collector's queue, in the spool, in a state file."""
    expected = json.loads((release / ANSWERS).read_text(encoding="utf-8"))
    visit = expected["visit"]
    installation = Installation(Checkout(), unpack(release, tmp_path))
    with installation.clickhouse() as clickhouse:
        found = as_written(installation, clickhouse, visit)
        assert known(expected["as_written"], found) == expected["as_written"]
        binary_or_skip()
        found = as_delivered(installation, clickhouse, visit, expected["events"])
        assert known(expected["as_delivered"], found) == expected["as_delivered"]
