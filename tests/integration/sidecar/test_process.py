"""The sidecar as a process: its ready line, its refusals to start, bombs, an SDK's exporter, and leaving in order."""

import asyncio
import gzip
import logging
import signal
import socket
from pathlib import Path

import aiohttp
import psutil
import pytest
from backports import zstd
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

from sidecar.pipeline.pipeline import Stage
from sidecar.receiver.responses import PROTOBUF
from tests.support import otlp
from tests.support.receivers import Recorder, SidecarProcess, receiving, until

MIB = 1 << 20


async def test_it_says_when_it_is_ready_and_leaves_with_0(tmp_path: Path) -> None:
    with SidecarProcess(PLUGINS="debug", DATA=str(tmp_path)) as sidecar:
        url = await sidecar.ready()
        body = otlp.request(otlp.event("user_message", attributes={"chattrail.message.text": "secret words"}))
        async with aiohttp.ClientSession() as session:
            headers = {"Content-Type": PROTOBUF}
            async with session.post(f"{url}/v1/logs", data=body, headers=headers) as answer:
                assert answer.status == 200
            async with session.get(f"{url}/readyz") as answer:
                assert answer.status == 200
        assert sidecar.end(signal.SIGTERM) == 0
        assert sidecar.text.count("sidecar is ready") == 1
        assert "1 chattrail.user_message" in sidecar.text
        assert "secret" not in sidecar.text


@pytest.mark.parametrize(
    ("settings", "code", "message"),
    [
        ({"HOST": "0.0.0.0"}, 2, "set CHATTRAIL_SIDECAR_TOKEN"),
        ({"HOST": "example.org"}, 2, "set CHATTRAIL_SIDECAR_TOKEN"),
        ({"TOKN": "x"}, 2, "CHATTRAIL_SIDECAR_TOKN: there is no such setting; did you mean CHATTRAIL_SIDECAR_TOKEN?"),
        ({"PLUGINS": "debgu"}, 2, "there is no plugin 'debgu'; did you mean debug?"),
        ({"MAX_IN_FLIGHT_BYTES": "4096"}, 2, "CHATTRAIL_SIDECAR_MAX_IN_FLIGHT_BYTES must be at least"),
    ],
)
def test_it_does_not_start_with_wrong_settings(settings: dict[str, str], code: int, message: str) -> None:
    with SidecarProcess(**{"PLUGINS": "debug", **settings}) as sidecar:
        assert sidecar.wait() == code
        assert message in sidecar.text
        assert "Traceback" not in sidecar.text


def test_a_taken_port_is_named_with_its_variable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with SidecarProcess(PLUGINS="debug", PORT=str(port)) as sidecar:
            assert sidecar.wait() == 1
            assert f"127.0.0.1:{port}" in sidecar.text
            assert "CHATTRAIL_SIDECAR_PORT" in sidecar.text
            assert "Traceback" not in sidecar.text


async def test_the_port_is_free_for_the_next_one_at_once(tmp_path: Path) -> None:
    with SidecarProcess(PLUGINS="debug", DATA=str(tmp_path)) as first:
        url = await first.ready()
        assert first.end(signal.SIGINT) == 0
    with SidecarProcess(PLUGINS="debug", PORT=url.rsplit(":", 1)[1]) as second:
        assert await second.ready() == url


async def test_without_its_database_it_starts_says_why_and_leaves(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: nothing answers there
        dsn = f"http://default:hidden@127.0.0.1:{nobody.getsockname()[1]}/chattrail"
        folders = {"DATA": str(tmp_path / "data"), "IMAGES_DIRECTORY": str(tmp_path / "pictures")}
        with SidecarProcess(PLUGINS="clickhouse,images", CLICKHOUSE_URL=dsn, **folders) as sidecar:
            url = await sidecar.listening()
            async with aiohttp.ClientSession() as session:
                headers = {"Content-Type": PROTOBUF}
                async with session.post(
                    f"{url}/v1/logs", data=otlp.request(otlp.event("x")), headers=headers
                ) as answer:
                    assert answer.status == 503
                    assert "Retry-After" in answer.headers
                ready: dict[str, bool] = {}
                async with asyncio.timeout(30):
                    while not ready.get("images"):  # it takes images into its journal, and needs no database for that
                        async with session.get(f"{url}/readyz") as answer:
                            assert answer.status == 503
                            answered = await answer.json()
                        ready = {plugin["name"]: plugin["ready"] for plugin in answered["plugins"]}
            assert ready == {"clickhouse": False, "images": True}
            assert "hidden" not in str(answered)
            assert sidecar.end() == 0
            assert "hidden" not in sidecar.text
            assert "sidecar is ready" not in sidecar.text


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_bombs_are_refused_with_flat_memory(encoding: str) -> None:
    bomb = gzip.compress(bytes(64 * MIB)) if encoding == "gzip" else zstd.compress(bytes(64 * MIB))
    assert len(bomb) < 70_000
    with SidecarProcess(PLUGINS="debug", MAX_INFLATED_BYTES=str(8 * MIB)) as sidecar:
        url = await sidecar.ready()
        before = psutil.Process(sidecar.pid).memory_info().rss

        async def send(session: aiohttp.ClientSession) -> int:
            headers = {"Content-Type": PROTOBUF, "Content-Encoding": encoding}
            async with session.post(f"{url}/v1/logs", data=bomb, headers=headers) as answer:
                return answer.status

        async with aiohttp.ClientSession() as session:
            assert await asyncio.gather(*(send(session) for _ in range(30))) == [413] * 30
        grown = psutil.Process(sidecar.pid).memory_info().rss - before
        # two are inflated at a time, each to its cap, in pieces and joined
        assert grown < 48 * MIB, f"grew by {grown / MIB:.0f} MiB"


async def test_the_python_sdk_delivers_gzipped() -> None:
    recorder = Recorder()
    async with receiving(Stage("recorder", recorder, True), token="t0ken-of-the-tests") as running:

        def export() -> None:
            exporter = OTLPLogExporter(
                endpoint=running.logs,
                compression=Compression.Gzip,
                headers={"Authorization": "Bearer t0ken-of-the-tests"},
            )
            provider = LoggerProvider()
            provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
            logger = provider.get_logger("test")
            for number in range(1000):
                logger.emit(
                    timestamp=number + 1, event_name="chattrail.command", attributes={"chattrail.command.name": "x"}
                )
            provider.shutdown()

        await asyncio.to_thread(export)
    events = [event for batch in recorder.batches for event in batch.events(frozenset({"command"}))]
    assert [event.timestamp for event in events] == list(range(1, 1001))


async def test_what_is_in_flight_at_the_end_is_finished_and_new_requests_are_sent_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    recorder = Recorder()
    recorder.latch.clear()
    async with receiving(Stage("recorder", recorder, True)) as running, aiohttp.ClientSession() as session:
        headers = {"Content-Type": PROTOBUF}

        async def send(number: int) -> int:
            body = otlp.request(otlp.event("command", at=number))
            async with session.post(running.logs, data=body, headers=headers) as answer:
                return answer.status

        first = asyncio.create_task(send(1))
        await until(lambda: recorder.entered)
        draining = asyncio.create_task(running.pipeline.drain(10))
        await until(lambda: running.pipeline.draining)
        assert await send(2) == 503
        async with session.get(f"{running.url}/readyz") as answer:
            assert (answer.status, (await answer.json())["draining"]) == (503, True)
        assert not draining.done()
        recorder.latch.set()
        assert await first == 200
        await draining
        assert recorder.shutdowns == 1
        assert len(recorder.batches) == 1
