"""Every name that the engine lists is tried as each user, by a sample of the calls that `make embedded-sweep` makes."""

from collections.abc import Callable
from pathlib import Path

from tests.support.sweep.calls import USERS, Call, Lists, Targets, all_calls
from tests.support.sweep.canaries import Canaries
from tests.support.sweep.run import ENDINGS, GUARD, PAGE, RAN, Calls, sample, sweep

TARGETS = Targets("/outside/canary", "/data/canary", "canary", "http://127.0.0.1:1/x", "127.0.0.1:1")


def test_no_name_of_the_engine_reaches_outside(tmp_path: Path) -> None:
    outcome = sweep(tmp_path, sample)
    assert outcome.touched == []
    assert outcome.leaks == []
    assert outcome.connections == 0
    assert outcome.not_refused == []
    for kind in ("functions", "table_functions", "formats", "settings", "privileges"):
        # the table in the document is of this engine, and of all its names
        assert f"| `system.{kind}` | {outcome.lists[kind]} |" in PAGE.read_text()
        for user in USERS:
            assert outcome.ended[kind, user, GUARD] > 0
            assert outcome.ended[kind, user, RAN] > 0
            assert sum(outcome.ended[kind, user, ending] for ending in ENDINGS) == outcome.tried[kind, user]
    for kind in ("table_functions", "formats", "privileges"):
        for user in USERS:
            assert len(outcome.names[kind, user]) == outcome.lists[kind]


def reaching(calls: Calls, user: str) -> list[Call]:
    """The engine's documented ways to read a file, to write one and to read from another server."""
    if user == "readonly":  # which has its rights still: they don't cover this function
        return calls["functions", "file"]
    written = [call for call in calls["table_functions", "file"] if call.sql.startswith("INSERT")]
    return written + [call for call in calls["table_functions", "remote"] if "'system', 'one')" in call.sql]


def test_a_sweep_without_the_guard_fails(tmp_path: Path) -> None:
    """Calls of the same lists reach each of what is watched when nothing stops them."""
    outcome = sweep(tmp_path, reaching, without="confinement,guard,grants")
    touched = {event.removeprefix(f"{tmp_path}/") for event in outcome.touched}
    assert touched >= {f"{folder}/canary.txt (0x20)" for folder in ("outside", "clickhouse", "clickhouse/temporary")}
    assert touched >= {"outside/canary.txt (0x2)", "outside/canary.txt is changed"}
    assert any(leak.startswith("readonly: functions file: ") for leak in outcome.leaks)
    assert {refused.split(":")[0] for refused in outcome.not_refused} == set(USERS)
    assert outcome.connections > 0


def test_the_watch_notices_what_happens_to_files(tmp_path: Path) -> None:
    (tmp_path / "clickhouse" / "temporary").mkdir(parents=True)
    (tmp_path / "clickhouse" / "engine" / "store").mkdir(parents=True)
    canaries = Canaries(tmp_path, tmp_path / "clickhouse")
    with canaries.watched() as touched:
        (tmp_path / "clickhouse" / "engine" / "store" / "part").touch()  # what the engine is for
    assert touched == []

    def happened(act: Callable[[], object]) -> list[str]:
        with canaries.watched() as touched:
            act()
        return touched

    assert any("canary.txt (0x20)" in event for event in happened(canaries.inside.read_text))
    assert any("canary.txt (0x4)" in event for event in happened(lambda: canaries.outside.chmod(0o666)))
    for place in ("outside", "clickhouse", "clickhouse/temporary", "clickhouse/engine"):
        made = tmp_path / place / "made"
        assert f"{made.relative_to(tmp_path)} is new" in happened(made.touch)
    moved = happened(lambda: canaries.outside.rename(tmp_path / "outside" / "moved"))
    assert any("moved (0x80)" in event for event in moved)


# What is swept.


def test_a_sample_makes_each_kind_of_call() -> None:
    """Names and calls are taken by steps that do not depend on each other."""
    many = [f"name{number}" for number in range(800)]
    settings = dict.fromkeys(many, "1") | {f"text{number}": "" for number in range(40)}
    calls = all_calls(Lists(many, many[:40], many[:40], settings, {}), TARGETS)
    for user in USERS:
        made = {
            (call.list, len(calls[call.list, call.name]), calls[call.list, call.name].index(call))
            for call in sample(calls, user)
        }
        assert made == {(kind, len(of_name), at) for (kind, _), of_name in calls.items() for at in range(len(of_name))}
