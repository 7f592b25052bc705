"""A database as an earlier release left it."""

import itertools
import shutil
from pathlib import Path

import pytest

import sidecar.plugins.clickhouse.migrate as migrating


def migrate_before(url: str, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Apply the migrations before the one with this name."""
    earlier = folder / f"before-{name}"
    earlier.mkdir()
    for file in itertools.takewhile(lambda path: name not in path.name, sorted(migrating.SQL.glob("*.sql"))):
        shutil.copy(file, earlier)
    with monkeypatch.context() as patched:
        patched.setattr(migrating.migrations, "__defaults__", (earlier,))
        migrating.migrate(url)
