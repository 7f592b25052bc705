"""Fixtures of the fault tests; the full run writes docs/reliability.md."""

import os
from collections.abc import Iterator

import pytest

from tests.faults.report import Report
from tests.support.embedded import EmbeddedClickHouse

REPORT: pytest.StashKey[Report] = pytest.StashKey()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the rows that `make faults ROWS=…` names."""
    if "slow" in config.option.markexpr and (rows := _rows()) is not None:
        _keep(config, items, rows)


def _rows() -> frozenset[int] | None:
    """The rows that `make faults ROWS=16,19` names; None: all."""
    named = os.environ.get("FAULT_ROWS", "")
    return frozenset(int(row) for row in named.split(",")) if named else None


def _keep(config: pytest.Config, items: list[pytest.Item], rows: frozenset[int]) -> None:
    kept: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        called = getattr(item, "callspec", None)
        fault = called and called.params.get("fault")
        (kept if getattr(fault, "row", None) in rows else others).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=others)


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    """A ClickHouse for faults that leave it alone; each run has a database of its own."""
    with EmbeddedClickHouse(tmp_path_factory.mktemp("clickhouse")) as server:
        yield server


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Iterator[Report]:
    """Collects outcomes; writes the document when the full run took part."""
    collected = pytestconfig.stash[REPORT] = Report()
    yield collected
    if "slow" in pytestconfig.option.markexpr:
        collected.write(_rows())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the worst times."""
    report = config.stash.get(REPORT, None)
    if report is not None and report.summary():
        terminalreporter.write_line(report.summary())
