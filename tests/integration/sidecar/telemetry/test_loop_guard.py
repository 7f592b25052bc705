"""Logs of the sidecar come back to it through the real collector and are stored; with the guard they end there."""

import asyncio
from pathlib import Path

import aiohttp
import clickhouse_connect
import pytest

from tests.support import otlp
from tests.support.collector_process import Collector, free_ports
from tests.support.embedded import EmbeddedClickHouse
from tests.support.migrated import migrated_database
from tests.support.receivers import SidecarProcess

# Speaks three times about every record that it is given.
CHATTERBOX = '''
from common.settings import Settings
from sidecar.plugin import Factory

class Config(Settings):
    """Nothing to set."""
    prefix = "SIDECAR_CHATTERBOX"

class Chatterbox:
    """Logs about every record."""
    events = None
    def __init__(self, context):
        self.logger = context.logger
    async def start(self): ...
    async def handle(self, batch):
        for number in range(3 * batch.record_count):
            self.logger.warning("chatter %d about %.8s", number, batch.digest)
    async def shutdown(self): ...

FACTORY = Factory("chatterbox", Config, lambda config, context: Chatterbox(context), required=False)
'''
UNGUARDED = """
from sidecar.telemetry import loop_guard
from sidecar.__main__ import main
loop_guard.is_on = lambda: False
loop_guard.RateCap.admits = lambda self: True
main()
"""
ROUND_TRIPS = 3


class Circle:
    """Sidecar, its collector and a database: what the sidecar logs goes round."""

    def __init__(self, clickhouse: EmbeddedClickHouse, database: str, folder: Path) -> None:
        self.client = clickhouse_connect.get_client(dsn=clickhouse.dsn(database), autogenerate_session_id=False)
        (port,) = free_ports(1)
        self.collector = Collector(folder, f"http://127.0.0.1:{port}")
        (folder / "plugins").mkdir()
        (folder / "plugins" / "chatterbox.py").write_text(CHATTERBOX)
        self.settings = {
            "PORT": str(port),
            "PLUGINS": "clickhouse,chatterbox",
            "PLUGINS_DIR": str(folder / "plugins"),
            "CLICKHOUSE_URL": clickhouse.dsn(database),
            "DATA": str(folder / "sidecar"),
            "TELEMETRY_URL": self.collector.http,
        }

    def stored(self, like: str = "%") -> int:
        """How many log records of the sidecar are stored."""
        query = "SELECT count() FROM logs WHERE service_name = 'chattrail-sidecar' AND body LIKE {like:String}"
        return int(self.client.query(query, parameters={"like": like}).result_rows[0][0])

    async def arrived(self, like: str, count: int) -> None:
        async with asyncio.timeout(60):
            while await asyncio.to_thread(self.stored, like) < count:  # noqa: ASYNC110 -- a table has no event
                await asyncio.sleep(0.1)

    async def poison(self, times: int) -> None:
        """Post poison records, one after another, each when the log about the one before has come round."""
        for number in range(times):
            body = otlp.request(otlp.event("user_message", event_id="x", at=number + 1))
            assert await asyncio.to_thread(self.collector.post, body) == 200
            await self.arrived("1 of the batch's records went to dead_letters%", number + 1)


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "unguarded"])
async def test_own_logs_do_not_feed_on_themselves(
    guarded: bool, clickhouse: EmbeddedClickHouse, tmp_path: Path
) -> None:
    with migrated_database(clickhouse) as database:
        circle = Circle(clickhouse, database, tmp_path)
        await asyncio.to_thread(circle.collector.start)
        try:
            with SidecarProcess(
                program=("-m", "sidecar") if guarded else ("-c", UNGUARDED), **circle.settings
            ) as sidecar:
                await sidecar.ready()
                await circle.arrived("inserts use %", 1)  # what it says at its start is not the test's
                await (guarded_rounds if guarded else unguarded_rounds)(circle, sidecar)
                assert sidecar.end() == 0
        finally:
            await asyncio.to_thread(circle.collector.__exit__)
            circle.client.close()


async def guarded_rounds(circle: Circle, sidecar: SidecarProcess) -> None:
    """Each poison record costs one log and three of chatter; nothing comes of these logs, however often one asks."""
    # a poison record that says it comes from a sidecar: about it, too, nothing may be sent out
    own = otlp.request(otlp.event("user_message", event_id="x", at=99), service="chattrail-sidecar")
    assert await asyncio.to_thread(circle.collector.post, own) == 200
    await circle.poison(ROUND_TRIPS)
    await circle.arrived("chatter %", 3 * ROUND_TRIPS)
    spoken = sidecar.text.count(" chatter ")
    assert spoken > 2 * 3 * ROUND_TRIPS, "the plugin spoke about own records: there was something to hold back"
    assert sidecar.text.count("went to dead_letters") == ROUND_TRIPS + 1
    assert circle.stored("% went to dead_letters%") == ROUND_TRIPS
    assert circle.stored("chatter %") == 3 * ROUND_TRIPS
    async with aiohttp.ClientSession() as session, session.get(f"{await sidecar.ready()}/metrics") as answer:
        figures = await answer.text()
    reason = 'reason="event.id is not a UUID"'
    assert f"chattrail_sidecar_dead_letters_total{{{reason}}} {ROUND_TRIPS}\n" in figures
    assert f'chattrail_sidecar_dead_letters_total{{{reason},source="chattrail-sidecar"}} 1\n' in figures


async def unguarded_rounds(circle: Circle, _sidecar: SidecarProcess) -> None:
    """The negative control: after one poison record the logs about logs grow threefold with each round trip."""
    await circle.poison(1)
    await circle.arrived("chatter %", 3 * 3 * 3 * 3)
