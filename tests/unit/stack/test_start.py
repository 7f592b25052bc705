"""A start that cannot go on, or is not to: what the launcher says, and that nothing stays."""

import asyncio
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from common.settings import SettingsError
from stack.data_lock import locked
from stack.process import Service, StackError
from stack.settings import StackSettings
from stack.supervisor import StoppedError, Supervisor


class Screen(io.StringIO):
    """A terminal of somebody who presses Ctrl-C on seeing a text."""

    def __init__(self, text: str, press: Callable[[], object]) -> None:
        super().__init__()
        self._text, self._press = text, press

    def write(self, written: str, /) -> int:
        if self._text in written:
            self._press()
        return super().write(written)


async def test_a_start_can_be_given_up_while_it_says_what_it_waits_for(tmp_path: Path) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    pids: list[int] = []

    def press() -> None:
        pids.extend(running.process.pid for running in supervisor.running)
        loop.call_soon_threadsafe(stop.set)  # the screen is drawn by another thread

    supervisor = Supervisor(tmp_path, Console(file=Screen("Starting Bot", press), force_terminal=True, width=200))
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    with pytest.raises(StoppedError):
        async with supervisor.started([Service("bot", "Bot", command, {}, 0, ready_line="never")], stop):
            pytest.fail("it was not ready")
    assert pids
    assert not any(map(psutil.pid_exists, pids))


async def test_a_start_that_fails_is_told_from_one_that_is_given_up(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, Console(file=io.StringIO()))
    fails = Service("web", "Dashboard", [sys.executable, "-c", "print('why'); exit(3)"], {}, 0, ready_line="never")
    with pytest.raises(StackError, match=r"Dashboard ended with code 3; .*\n +why"):
        async with supervisor.started([fails], asyncio.Event()):
            pytest.fail("it was not ready")


def test_a_data_folder_in_use_is_named_with_its_launcher_and_how_to_end_it(tmp_path: Path) -> None:
    with locked(tmp_path, "up"):
        with pytest.raises(StackError) as caught, locked(tmp_path, "up"):
            pytest.fail("both hold it")
        assert f"`make up` runs already with the data in {tmp_path} (process {os.getpid()}): " in str(caught.value)
        assert f"`kill {os.getpid()}`), or set CHATTRAIL_STACK_DATA" in str(caught.value)
    with locked(tmp_path, "up"):
        assert (tmp_path / "lock").read_text() == str(os.getpid())


def test_what_is_no_token_is_refused_before_anything_starts() -> None:
    with pytest.raises(SettingsError, match=r"BOT_TOKEN: is not a bot token; @BotFather gives one like"):
        StackSettings.load({"BOT_TOKEN": "abc"})
