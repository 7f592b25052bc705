"""SIGTERM under load: what was acknowledged is stored, what was not is for its sender to send again."""

import asyncio
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import clickhouse_connect
import pytest

from sidecar.receiver.responses import PROTOBUF
from tests.support import otlp
from tests.support.embedded import EmbeddedClickHouse
from tests.support.migrated import migrated_database
from tests.support.receivers import SidecarProcess, until


@pytest.fixture
def url(clickhouse: EmbeddedClickHouse) -> Iterator[str]:
    with migrated_database(clickhouse) as name:
        yield urlsplit(clickhouse.url)._replace(path=f"/{name}").geturl()


async def test_ended_under_load_it_has_stored_all_it_acknowledged(url: str, tmp_path: Path) -> None:
    sent: set[str] = set()
    acknowledged: set[str] = set()
    statuses: set[int] = set()

    async def sender(session: aiohttp.ClientSession, address: str) -> None:
        while True:
            ids = [str(uuid.uuid4()) for _ in range(5)]
            sent.update(ids)
            body = otlp.request(*(otlp.event("command", event_id=each) for each in ids))
            try:
                async with session.post(f"{address}/v1/logs", data=body, headers={"Content-Type": PROTOBUF}) as answer:
                    statuses.add(answer.status)
                    await answer.read()
            except aiohttp.ClientError:
                return  # nobody listens any more
            if answer.status == 200:
                acknowledged.update(ids)

    with SidecarProcess(PLUGINS="clickhouse", CLICKHOUSE_URL=url, DATA=str(tmp_path)) as sidecar:
        address = await sidecar.ready()
        async with aiohttp.ClientSession() as session:
            senders = [asyncio.create_task(sender(session, address)) for _ in range(8)]
            await until(lambda: len(acknowledged) >= 100)
            code = await asyncio.to_thread(sidecar.end, signal.SIGTERM)
            await asyncio.wait_for(asyncio.gather(*senders), 30)
    assert code == 0
    assert statuses <= {200, 503}
    client = clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False)
    stored = {row[0] for row in client.query("SELECT toString(event_id) FROM events FINAL").result_rows}
    client.close()
    assert acknowledged <= stored <= sent
    assert "Traceback" not in sidecar.text
