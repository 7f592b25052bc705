"""The bot as its operator runs it: `python -m bot` with its settings, signals, exit codes and logs; and as a webhook."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from bot import runner
from chattrail.export.sequence_file import PROCESS_ENDED
from stack.simulators.telegram.server import TelegramServer
from tests.support.bot_support import TOKEN, begin_story, has_button, running_bot, says
from tests.support.fakes.otlp_receiver import OtlpReceiver
from tests.support.paths import ROOT
from tests.support.slow_clients import SILENT, SlowClients, half_a_body, half_a_head

SECRET = TOKEN.partition(":")[2]


class Process:
    """A running `python -m bot` and all that it has logged."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log = ""

    async def logs(self, part: str) -> None:
        """Read the log until it holds `part`."""
        assert self.process.stderr is not None
        async with asyncio.timeout(30):
            while part not in self.log:
                line = await self.process.stderr.readline()
                assert line, f"the bot ended: {self.log}"
                self.log += line.decode()

    async def end(self, number: signal.Signals | None = None) -> int:
        """Send a signal, or wait for the end; gives the exit code."""
        if number is not None:
            self.process.send_signal(number)
        _, rest = await asyncio.wait_for(self.process.communicate(), 30)
        self.log += rest.decode()
        assert self.process.returncode is not None
        return self.process.returncode


@asynccontextmanager
async def bot_process(**environ: str) -> AsyncIterator[Process]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CHATTRAIL_", "OTEL_"))}
    with tempfile.TemporaryDirectory() as data:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot",
            cwd=ROOT, env=clean | {"CHATTRAIL_BOT_DATA": data} | environ,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            yield Process(process)
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_when_it_is_ready_and_ends_in_good_order(number: signal.Signals) -> None:
    with OtlpReceiver() as inbox:
        async with (
            TelegramServer(token=TOKEN) as telegram,
            bot_process(
                BOT_TOKEN=TOKEN, CHATTRAIL_BOT_TELEGRAM_API_URL=telegram.url, OTEL_EXPORTER_OTLP_ENDPOINT=inbox.url
            ) as bot,
        ):
            await bot.logs("bot is polling as @")
            ann = telegram.person(1001)
            await begin_story(ann)
            await ann.send("a very private sentence")
            await ann.wait(has_button("picture:new"))
            assert await bot.end(number) == 0
            assert telegram.pending_updates == 0  # what was answered is confirmed, and will not come again
            assert "a very private sentence" not in bot.log
            assert SECRET not in bot.log
            assert "Traceback" not in bot.log
        # What was queued at the end arrived all the same.
        records = inbox.wait(11)
        assert [record.type for record in records[8:]] == ["user_message", "ai_message", PROCESS_ENDED]
        assert records[10].attributes["chattrail.process.reached"] == 10


async def test_it_ends_in_time_when_nobody_listens_to_analytics() -> None:
    async with (
        TelegramServer(token=TOKEN) as telegram,
        bot_process(
            BOT_TOKEN=TOKEN,
            CHATTRAIL_BOT_TELEGRAM_API_URL=telegram.url,
            OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9",
        ) as bot,
    ):
        ann = telegram.person(1001)
        await ann.send("/start")
        await ann.wait(says("Hello"), timeout=30)
        assert await bot.end(signal.SIGTERM) == 0


async def test_it_waits_for_a_telegram_that_is_away_without_printing_the_token(
    unused_tcp_port_factory: Callable[[], int],
) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port_factory()}"
    async with bot_process(BOT_TOKEN=TOKEN, CHATTRAIL_BOT_TELEGRAM_API_URL=url) as bot:
        await bot.logs("Telegram cannot be reached")
        await bot.logs("next try")
        assert await bot.end(signal.SIGTERM) == 0
        assert SECRET not in bot.log


async def test_a_token_that_telegram_does_not_know_is_named() -> None:
    async with (
        TelegramServer(token="1:OTHER") as telegram,
        bot_process(BOT_TOKEN=TOKEN, CHATTRAIL_BOT_TELEGRAM_API_URL=telegram.url) as bot,
    ):
        assert await bot.end() == 2
        assert "check BOT_TOKEN" in bot.log
        assert SECRET not in bot.log


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "BOT_TOKEN"),
        ({"BOT_TOKEN": TOKEN, "CHATTRAIL_BOT_SEEED": "1"}, "did you mean CHATTRAIL_BOT_SEED?"),
        ({"BOT_TOKEN": TOKEN, "OTEL_EXPORTER_OTLP_PROTOCOL": "smoke"}, "OTEL_EXPORTER_OTLP_PROTOCOL"),
    ],
)
async def test_wrong_settings_are_named(environ: dict[str, str], words: str) -> None:
    async with bot_process(**environ) as bot:
        assert await bot.end() == 2
        assert words in bot.log
        assert "Traceback" not in bot.log


async def test_polling_survives_a_telegram_that_stumbles() -> None:
    async with running_bot() as bot:
        ann = bot.telegram.person(1001)
        await ann.send("/help")
        await ann.wait(says("/personas"))
        bot.telegram.fail_next("getUpdates", code=502, description="Bad Gateway", times=2)
        bot.telegram.fail_next("getUpdates", hang_up=True)
        await ann.send("/help")
        await ann.wait(says("/personas"))


async def test_webhook_with_its_secret(unused_tcp_port_factory: Callable[[], int]) -> None:
    port = unused_tcp_port_factory()
    url, secret = f"http://127.0.0.1:{port}", "webhook-secret-0123456789"
    async with running_bot(webhook_url=url, webhook_secret=secret, webhook_port=str(port)) as bot:
        ann = bot.telegram.person(1001)
        await begin_story(ann)
        await ann.send("Hello")
        await ann.wait(has_button("picture:new"))
        assert not bot.telegram.calls.get("getUpdates")
        forged = {"update_id": 1, "message": {"message_id": 1, "date": 1, "chat": {"id": 1001, "type": "private"}}}
        async with aiohttp.ClientSession() as client:
            for headers in ({}, {"X-Telegram-Bot-Api-Secret-Token": "wrong"}):
                async with client.post(f"{url}/telegram", json=forged, headers=headers) as response:
                    assert response.status == 401
        assert [a["chattrail.message.kind"] for a in await bot.attributes("user_message")] == [
            "button",
            "button",
            "text",
        ]


async def test_the_webhook_ends_connections_that_hold_it_up(
    unused_tcp_port_factory: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "IDLE_S", 1.0)
    monkeypatch.setattr(runner, "BODY_S", 1.0)
    port = unused_tcp_port_factory()
    url, secret = f"http://127.0.0.1:{port}", "webhook-secret-0123456789"
    async with running_bot(webhook_url=url, webhook_secret=secret, webhook_port=str(port)) as bot:
        ann = bot.telegram.person(1001)
        await begin_story(ann)
        with SlowClients(url, [SILENT, half_a_head("/telegram"), half_a_body("/telegram")], 20) as slow:
            async with asyncio.timeout(30):
                while slow.open:  # noqa: ASYNC110 - connections of another thread have no event
                    await asyncio.sleep(0.05)
        broken = {"Transfer-Encoding": "chunked", "Connection": "close"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in broken.items())
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"POST /telegram HTTP/1.1\r\nHost: localhost\r\n{lines}\r\nx\r\n".encode())
        assert (await reader.readline()).endswith(b" 400 Bad Request\r\n")
        writer.close()
        await ann.send("Hello")
        await ann.wait(has_button("picture:new"))
