"""Every name that the engine lists is tried as each user, by a sample of the calls that `make embedded-sweep` makes."""

from pathlib import Path

from tests.sweep.calls import USERS
from tests.sweep.privileges import STATEMENTS
from tests.sweep.run import PAGE, sweep
from tests.sweep.watch import watched


def test_no_name_of_the_engine_reaches_outside(tmp_path: Path) -> None:
    outcome = sweep(tmp_path, sample=True)
    assert outcome.touched == []
    assert outcome.leaks == []
    assert outcome.connections == 0
    for kind in ("functions", "table_functions", "formats", "settings", "privileges"):
        # the table in the document is of this engine, and of all its names
        assert f"| `system.{kind}` | {outcome.lists[kind]} |" in PAGE.read_text()
        for user in USERS:
            assert 0 < outcome.refused[kind, user] < outcome.tried[kind, user]
    for kind in ("table_functions", "formats", "privileges"):
        for user in USERS:
            assert len(outcome.names[kind, user]) == outcome.lists[kind]
    assert STATEMENTS.keys() <= outcome.names["privileges", "readonly"]


def test_the_watch_notices_a_look_at_a_file(tmp_path: Path) -> None:
    canary = tmp_path / "canary.txt"
    canary.write_text("x")
    with watched(tmp_path, canary) as watch:
        assert watch.events() == []
        canary.read_text()
        assert any("canary.txt" in event for event in watch.events())
        (tmp_path / "new").touch()
        assert any("new" in event for event in watch.events())
