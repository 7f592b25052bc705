"""The worker's loop, run here without gunicorn's arbiter."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from gunicorn.config import Config

from tests.support.web_support import make_app, web_environment
from web.server import worker
from web.server.worker import Worker
from web.settings import WebSettings

HEARTBEATS = 50


class Counted(Worker):
    """Ends after so many heartbeats, and notes how many tasks there were at each."""

    tasks: list[int]

    def notify(self) -> None:
        self.tasks.append(len(asyncio.all_tasks()))
        if len(self.tasks) == HEARTBEATS:
            self._end(signal.SIGTERM)


def test_a_heartbeat_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "HEARTBEAT_S", 0.001)
    counted = Counted(1, os.getppid(), [], None, 30, Config(), None)
    counted.tmp.close()
    counted.tasks, counted._grace_s = [], 0
    counted.wsgi = make_app(tmp_path)
    asyncio.run(counted._serve(WebSettings.load(web_environment(tmp_path))))
    # itself, and the one that waits for the signal; at the end the one that ends the server
    assert max(counted.tasks) <= 3
