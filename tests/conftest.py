"""What all tests share, and the check that keeps a run in CI honest."""

import gc
import os
import signal
import sys

import pytest
from hypothesis import HealthCheck, settings

# A failed assertion of a shared module says what it compared, as one of a test does.
pytest.register_assert_rewrite("tests.support", "tests.integration.public_bots")

# A busy machine is no fault: nothing is said of how long examples take. In CI hypothesis has a profile of its own.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
if not os.environ.get("CI"):
    settings.load_profile("untimed")


# A shell that starts this run in the background has it ignore SIGINT, and so would each process that tests end by it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests start hundreds of processes. Where a shell forbids Python to keep what it compiled, each would compile its modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

gc.disable()  # while tests are collected: nothing of that is garbage

# Reasons a test may be skipped for in CI, each with why. Empty: there is no such reason.
EXPECTED_SKIPS: frozenset[str] = frozenset()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave full runs to those who ask for them: `make faults`, `make sweep-batches`, or any -m that names them."""
    slow = [] if "slow" in config.option.markexpr else [item for item in items if item.get_closest_marker("slow")]
    if slow:
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)


def pytest_collection_finish() -> None:
    """Leave what was collected out of the garbage collections of the tests, each of which would look through all of it."""
    gc.freeze()
    gc.enable()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI a run fails when something was skipped unexpectedly, or when a whole run held no integration test."""
    if not os.environ.get("CI") or exitstatus != pytest.ExitCode.OK or hasattr(session.config, "workerinput"):
        return  # with workers, theirs is a part; the whole is seen by the process that started them
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    assert reporter is not None
    skipped = [report.nodeid for report in reporter.stats.get("skipped", []) if _reason(report) not in EXPECTED_SKIPS]
    if skipped:
        reporter.write_line(f"CI: {len(skipped)} unexpected skips: {', '.join(skipped[:10])}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    whole_run = not session.config.option.file_or_dir or session.config.option.file_or_dir == ["tests"]
    integration = [r for r in reporter.stats.get("passed", []) if r.nodeid.startswith("tests/integration/")]
    if whole_run and not integration:
        reporter.write_line("CI: no integration test ran", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _reason(report: pytest.TestReport) -> str:
    return str(report.longrepr[2]).removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else ""
