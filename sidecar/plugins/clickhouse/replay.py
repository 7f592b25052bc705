"""Sends dead letters again, after the fault that made them is mended.

A replayed record takes the way of a new one, through the sink and the other plugins; its letter is deleted once it is
stored. So what still fails stays as it was, a replay that dies half-way is simply run again, and a second one does nothing.
"""

import asyncio
import itertools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp
import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from chattrail.events import PREFIX as EVENT_PREFIX
from common.clickhouse import connection_options
from common.error_location import first_line
from common.settings import Settings
from sidecar.errors import PermanentError, RetryableError, StartError
from sidecar.otlp.batch import Batch
from sidecar.otlp.json_request import is_json
from sidecar.otlp.pieces import cut
from sidecar.otlp.wire import Origin
from sidecar.plugin import Clock, Context, Factory, Plugin
from sidecar.plugins.clickhouse.dead_letters import DeadLetter, delete, delete_unnamed, origins_of, pages
from sidecar.plugins.clickhouse.sink import ClickHouseSink
from sidecar.settings import SidecarSettings
from sidecar.telemetry.metrics import Metrics

log = logging.getLogger("sidecar.replay")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many letters were stored and deleted, and the reasons of those that stay, with how many have each."""

    stored: int
    staying: dict[str, int]


async def replay(url: str, sink: ClickHouseSink, others: Sequence[Plugin] = (), *, reason: str = "") -> Outcome:
    """Send dead letters again, those of one reason or all, through started plugins. Raises RetryableError for what may pass."""
    try:
        client = await clickhouse_connect.get_async_client(**connection_options(url), compress=False)
    except (ClickHouseError, aiohttp.ClientError, OSError) as error:
        raise RetryableError(f"ClickHouse can't be used: {first_line(error)}") from None
    stored, staying = 0, dict[str, int]()
    try:
        async for letters in pages(client, reason):
            origins = await origins_of(client, letters)
            for group in _groups(letters):
                failed = await _send(group, origins, sink, others)
                done = [letter for at, letter in enumerate(group) if at not in failed]
                await delete(client, done)
                stored += len(done)
                for why in failed.values():
                    staying[why] = staying.get(why, 0) + 1
            log.info("%d dead letters are stored by now, %d stay", stored, sum(staying.values()))
        await delete_unnamed(client)
    except (ClickHouseError, aiohttp.ClientError, OSError) as error:
        raise RetryableError(f"the dead letters can't be read or deleted now: {first_line(error)}") from None
    finally:
        await client.close()
    return Outcome(stored, staying)


async def replay_with(
    url: str, settings: SidecarSettings, chosen: Sequence[tuple[Factory, Settings]], *, reason: str = ""
) -> Outcome:
    """Start the plugins that the settings choose, replay, and shut them down. The sink has to be among them."""
    clock, metrics = Clock(), Metrics()
    plugins: list[Plugin] = [
        factory.build(
            config, Context(clock, logging.getLogger(f"sidecar.{factory.name}"), metrics, settings.data / factory.name)
        )
        for factory, config in chosen
    ]
    sinks = [plugin for plugin in plugins if isinstance(plugin, ClickHouseSink)]
    if not sinks:
        raise StartError("replay stores in ClickHouse: CHATTRAIL_SIDECAR_PLUGINS has to name clickhouse")
    try:
        for plugin in plugins:
            await plugin.start()
        return await replay(url, sinks[0], [plugin for plugin in plugins if plugin is not sinks[0]], reason=reason)
    finally:
        for plugin in reversed(plugins):
            await plugin.shutdown()


async def _send(
    group: Sequence[DeadLetter], origins: Mapping[str, Origin], sink: ClickHouseSink, others: Sequence[Plugin]
) -> dict[int, str]:
    """Store what can be stored; the rest by its place in the group, with the reason."""
    if is_json(group[0].raw):  # it has no other in its group
        return await _send_json(group[0].raw, sink, others)
    failed: dict[int, str] = {}
    place = 0
    for piece in cut(_request(group, origins)):
        batch = await asyncio.to_thread(Batch.of, piece, datetime.now(UTC))
        turned_away = {letter.position: letter.reason for letter in await sink.store(batch)}
        failed |= {place + position: reason for position, reason in turned_away.items()}
        kept = [letter for at, letter in enumerate(group[place : place + batch.record_count]) if at not in turned_away]
        place += batch.record_count
        if kept and others:
            await _hand_on(Batch.parse(_request(kept, origins), batch.received_at), others)
    return failed


async def _send_json(raw: bytes, sink: ClickHouseSink, others: Sequence[Plugin]) -> dict[int, str]:
    """Store a letter in JSON. It may hold several records, and goes once all of them are stored."""
    batch = await asyncio.to_thread(Batch.from_json, raw, datetime.now(UTC))
    if turned_away := await sink.store(batch):
        return {0: turned_away[0].reason}
    await _hand_on(batch, others)
    return {}


async def _hand_on(batch: Batch, others: Sequence[Plugin]) -> None:
    for plugin in others:
        if plugin.events is None or batch.events(plugin.events):
            try:
                await plugin.handle(batch)
            except PermanentError as error:  # the record is stored all the same; this plugin will never take it
                log.warning("a plugin refuses a replayed batch for good: %s", error.reason)


def _request(letters: Sequence[DeadLetter], origins: Mapping[str, Origin]) -> bytes:
    """One request of many letters. Those that share a large resource and scope share them there, too."""
    parts = []
    for name, group in itertools.groupby(letters, key=lambda letter: letter.origin):
        if name:
            parts.append(origins[name].request(b"".join(Origin.of(letter.raw)[1] for letter in group)))
        else:  # requests laid end to end are one request: that is how protobuf merges
            parts += [letter.raw for letter in group]
    return b"".join(parts)


def _groups(letters: Sequence[DeadLetter]) -> list[list[DeadLetter]]:
    """Events travel together: one that comes twice is one. Other logs have no id, only the token of a body keeps them single,
    so that each goes in the body it will have next time, too."""
    events = [letter for letter in letters if letter.event_name.startswith(EVENT_PREFIX)]
    events.sort(key=lambda letter: letter.origin)
    alone = [[letter] for letter in letters if not letter.event_name.startswith(EVENT_PREFIX)]
    return [events, *alone] if events else alone
