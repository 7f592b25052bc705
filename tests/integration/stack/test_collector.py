"""The collector's build beside a running stack: behind everything else, a line for each step, and nothing left of it."""

import asyncio
import io
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from stack.collector import build
from tests.support.fakes.otlp_receiver import until

GO = """#!/bin/sh
case "$1" in
env) echo go1.26.8 ;;
install)
  echo "$(nice) $GOMAXPROCS" > {tools}/priority
  {install} ;;
esac
"""


class Builder:
    """A cache without a collector, and a Go that does what it is told."""

    def __init__(self, folder: Path, install: str) -> None:
        self.tools = folder / "tools"
        self.tools.mkdir()
        (self.tools / "go").write_text(GO.format(tools=self.tools, install=install))
        (self.tools / "go").chmod(0o755)
        self.cache, self.log = folder / "cache", folder / "build.log"
        self.said = io.StringIO()
        self.helpers: dict[str, int] = {}

    async def build(self) -> None:
        await build(Console(file=self.said, width=500), self.log, self.helpers)
        assert self.helpers == {}

    @property
    def last(self) -> str:
        return self.said.getvalue().splitlines()[-1]


@pytest.fixture
def builder(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Builder:
    made = Builder(tmp_path, request.param)
    monkeypatch.setenv("XDG_CACHE_HOME", str(made.cache))
    monkeypatch.setenv("PATH", f"{made.tools}:/usr/bin:/bin")
    return made


@pytest.mark.parametrize("builder", ["echo one >&2; echo 'proxy: no such host' >&2; exit 1"], indirect=True)
async def test_a_build_that_fails_says_why_in_a_line(builder: Builder) -> None:
    await builder.build()
    why = "not built, and nothing needs it: installing the builder failed: proxy: no such host"
    assert builder.last == f"Collector: {why} (more in {builder.log})"
    assert "one" in builder.log.read_text()
    assert (builder.tools / "priority").read_text() == "19 1\n"
    assert not list(builder.cache.rglob("building-*"))


@pytest.mark.parametrize("builder", [""], indirect=True)
async def test_a_machine_without_the_memory_for_it_is_left_alone(
    builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stack.collector.NEEDS_BYTES", 1 << 60)
    await builder.build()
    assert builder.last.startswith("Collector: not built: that takes a gigabyte of memory")
    assert not builder.cache.exists()


@pytest.mark.parametrize("builder", ["sleep 600 & echo $! > {tools}/child; wait"], indirect=True)
async def test_a_build_that_is_cut_off_leaves_nothing(builder: Builder) -> None:
    child = builder.tools / "child"
    go = builder.tools / "go"
    go.write_text(go.read_text().replace("{tools}", str(builder.tools)))
    running = asyncio.create_task(builder.build())
    await asyncio.to_thread(until, lambda: child.exists() and child.read_text().strip())
    family = [psutil.Process(int(child.read_text()))]
    family += [
        one for pid in builder.helpers.values() for one in (psutil.Process(pid), *psutil.Process(pid).children(True))
    ]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(family) >= 3
    psutil.wait_procs(family, 5)  # the kernel takes a killed process away a moment after the signal
    assert not [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    assert not list(builder.cache.rglob("building-*"))
    assert builder.helpers == {}
