"""What surrounds a bot in the tests of its side: Telegram's people, a hop that knows what was acknowledged, and the books."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

import aiohttp
import clickhouse_connect
from aiohttp import web
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from stack.simulators.telegram.server import TelegramServer
from tests.faults.oracle import verified
from tests.faults.unknown_sender import POLLING_ENDED, Wishes
from tests.support.paths import ROOT
from web.analytics.clickhouse.client import ClickHouse
from web.analytics.clickhouse.loss_accounting import loss_accounting
from web.analytics.loss_accounting import Instance, LossAccounting
from web.analytics.ranges import Window
from web.settings import WebSettings

PEOPLE = 5


class Hop:
    """Passes requests on to the sidecar and keeps the ids it acknowledged.

    While it is `closed` it answers 503; while `passes` is cleared it holds requests and answers them later.
    """

    def __init__(self, sidecar: str) -> None:
        self.closed = False
        self.passes = asyncio.Event()
        self.passes.set()
        self.requests = 0
        self.acknowledged: set[str] = set()
        self._sidecar = sidecar

    async def __aenter__(self) -> Self:
        self._client = aiohttp.ClientSession()
        application = web.Application(client_max_size=64 * 2**20)
        application.router.add_post("/v1/logs", self._pass_on)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        await self._client.close()

    async def _pass_on(self, request: web.Request) -> web.Response:
        self.requests += 1
        if self.closed:
            return web.Response(status=503)
        body = await request.read()
        await self.passes.wait()
        headers = {"Content-Type": request.headers["Content-Type"]}
        async with self._client.post(f"{self._sidecar}/v1/logs", data=body, headers=headers) as answer:
            if answer.status == 200:
                self.acknowledged |= ids(body)
            return web.Response(status=answer.status, body=await answer.read())


def ids(body: bytes) -> set[str]:
    """The events of a request."""
    return {
        pair.value.string_value
        for entry in ExportLogsServiceRequest.FromString(body).resource_logs
        for scope in entry.scope_logs
        for record in scope.log_records
        for pair in record.attributes
        if pair.key == "event.id"
    }


class BotProcess:
    """A stranger's bot that runs; `journal` maps the numbers of what it has queued to ids.

    `patience_s` is how long it waits for an answer to a request, and for all of them at its end.
    """

    def __init__(
        self, telegram: TelegramServer, endpoint: str, folder: Path, queue: int, patience_s: float = 2.0
    ) -> None:
        self._state = folder / "state"
        self._journal = folder / f"journal-{len(list(folder.glob('journal-*')))}"
        self._journal.touch()
        wishes = Wishes(telegram.token, telegram.url, endpoint, str(self._state), str(self._journal), queue, patience_s)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("CHATTRAIL_", "OTEL_"))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.unknown_sender", wishes.text()],
            cwd=ROOT, env=clean | {"OTEL_EXPORTER_OTLP_TIMEOUT": f"{patience_s:g}"},
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    @property
    def journal(self) -> dict[int, str]:
        lines = self._journal.read_text().splitlines(keepends=True)
        return {int(line.split()[0]): line.split()[1] for line in lines if line.endswith("\n")}

    def instance(self) -> str:
        """Its service.instance.id; to be asked while it is the only one in its folder."""
        (file,) = self._state.glob("*.sequence")
        return file.stem

    async def has_queued(self, count: int) -> None:
        """Wait until it has queued so many events."""
        await verified(lambda: len(self.journal) >= count or self._process.poll() is not None, f"{count} events", 120)
        assert self._process.poll() is None, "the bot ended by itself"

    async def end(self, number: signal.Signals) -> dict[str, int]:
        """Signal it, and return what it says when it ends; nothing when it was killed."""
        if number == signal.SIGKILL:
            self.kill()
            return {}
        await self.stop_polling(number)
        return await self.ended()

    async def stop_polling(self, number: signal.Signals) -> None:
        """Signal it, and wait until its tracker is all that it still has to end."""
        self._process.send_signal(number)
        assert await self._line() == POLLING_ENDED

    async def ended(self) -> dict[str, int]:
        """Return what it says when it ends."""
        report: dict[str, int] = json.loads(await self._line())
        assert await asyncio.to_thread(self._process.wait, 60) == 0
        return report

    async def _line(self) -> str:
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            return (await asyncio.to_thread(self._process.stdout.readline)).strip()

    def kill(self) -> None:
        with self._process:
            self._process.kill()


async def talk(telegram: TelegramServer, who: int, said: str) -> None:
    """Write a message as one of the people, and wait for its answer."""
    person = telegram.person(1001 + who, name=f"Person {who}")
    await person.send(said)
    await person.wait(lambda message: message.text == f"You said: {said}", timeout=60)


@contextlib.asynccontextmanager
async def talking(telegram: TelegramServer, word: str = "message") -> AsyncIterator[list[int]]:
    """People who write again as soon as they are answered. Gives how many answers each has got.

    At the end they leave at once, without their last answers. `word` tells the messages of one talk from another's: a bot
    that was killed leaves some without an answer for ever.
    """
    answers = [0] * PEOPLE

    async def talk_on(who: int) -> None:
        for number in itertools.count():
            await talk(telegram, who, f"{word} {number}")
            answers[who] += 1

    tasks = [asyncio.create_task(talk_on(who)) for who in range(PEOPLE)]
    try:
        yield answers
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Stored:
    """The rows of `events` of one process: numbers and ids, as they lie there when read with FINAL."""

    numbers: list[int]
    ids: set[str]


class Books:
    """Reads the account as the dashboard does, and the rows behind it."""

    def __init__(self, dsn: str, readonly_dsn: str) -> None:
        secret = "not-a-secret-but-long-enough-for-one"
        self._dsn = dsn
        settings = {"CHATTRAIL_WEB_CLICKHOUSE_URL": readonly_dsn, "CHATTRAIL_WEB_SECRET_KEY": secret}
        self._clickhouse = ClickHouse(WebSettings.load(settings))

    def read(self) -> LossAccounting:
        ever = Window(datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC), None, ZoneInfo("UTC"))
        return loss_accounting(self._clickhouse, ever)

    def of(self, instance: str) -> Instance | None:
        """The account of a process, None while nothing is known of it."""
        return next((one for one in self.read().instances if one.instance_id == instance), None)

    async def ended(self, instance: str) -> Instance:
        """The account of a process, once its end was reported."""
        reached = "SELECT max(reached) FROM sequences WHERE instance_id = {instance:String}"
        async with asyncio.timeout(60):
            while not (await asyncio.to_thread(self._ask, reached, instance))[0][0]:  # noqa: ASYNC110 -- a database has no event
                await asyncio.sleep(0.05)
        found = self.of(instance)
        assert found is not None
        return found

    def stored(self, instance: str) -> Stored:
        rows = self._ask(
            "SELECT sequence, toString(event_id) FROM events FINAL WHERE instance_id = {instance:String}", instance
        )
        return Stored(sorted(row[0] for row in rows), {row[1] for row in rows})

    def _ask(self, asked: str, instance: str) -> list[Any]:
        with clickhouse_connect.get_client(dsn=self._dsn, autogenerate_session_id=False) as client:
            return list(client.query(asked, parameters={"instance": instance}).result_rows)
