"""The whole sidecar as a process on a real database: OTLP in, rows and images out, through outages and kills."""

import asyncio
import contextlib
import hashlib
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import clickhouse_connect
import pytest

from sidecar.receiver.responses import PROTOBUF
from tests.support import otlp
from tests.support.archives import Archive
from tests.support.embedded import EmbeddedClickHouse
from tests.support.image_host import ImageHost, image_bytes
from tests.support.receivers import SidecarProcess, quiet_port


@pytest.fixture
def url(clickhouse: EmbeddedClickHouse) -> Iterator[str]:
    with clickhouse.fresh_database() as name:
        yield urlsplit(clickhouse.url)._replace(path=f"/{name}").geturl()


def settings(url: str, folder: Path) -> dict[str, str]:
    return {
        "CLICKHOUSE_URL": url,
        "DATA": str(folder / "data"),
        "IMAGES_DIRECTORY": str(folder / "pictures"),
        "IMAGES_LOOPBACK_HOSTS": "127.0.0.1",
        "IMAGES_CONCURRENCY": "1",
    }


async def send(url: str, body: bytes) -> int:
    headers = {"Content-Type": PROTOBUF}
    async with aiohttp.ClientSession() as session, session.post(f"{url}/v1/logs", data=body, headers=headers) as answer:
        return answer.status


async def sent_until_taken(url: str, body: bytes) -> int:
    """Send again after a 503, as a sender would."""
    async with asyncio.timeout(60):
        while (status := await send(url, body)) == 503:  # noqa: ASYNC110 -- another process has no event
            await asyncio.sleep(0.1)
    return status


def image(**source: Any) -> Any:
    return otlp.event(
        "image_generated", attributes={f"chattrail.image.{name}": value for name, value in source.items()}
    )


async def test_killed_between_the_ack_and_the_image_it_archives_after_the_restart(url: str, tmp_path: Path) -> None:
    content = image_bytes("JPEG", (80, 60))
    body = otlp.request(otlp.event("user_message"), image(data=content))
    async with ImageHost() as host:
        with SidecarProcess(**settings(url, tmp_path)) as sidecar:
            address = await sidecar.ready()
            # the only worker hangs on this one, so the second is acknowledged and not yet worked on
            assert await send(address, otlp.request(image(url=host.address("slow")))) == 200
            assert await send(address, body) == 200
            sidecar.end(signal.SIGKILL)
        archive = Archive(url, tmp_path)
        with contextlib.closing(sqlite3.connect(tmp_path / "data" / "images" / "journal.sqlite")) as journal:
            assert {state for (state,) in journal.execute("SELECT state FROM jobs")} == {"pending"}
        with SidecarProcess(**settings(url, tmp_path), IMAGES_TIMEOUT_S="0.5", IMAGES_ATTEMPTS="1") as sidecar:
            address = await sidecar.ready()
            assert await send(address, body) == 200  # the sender had not seen the answer, say
            rows = {row["source_kind"]: row for row in await archive.ended(2)}
            assert sidecar.end() == 0
    assert (rows["data"]["status"], rows["url"]["status"]) == ("stored", "failed")
    assert rows["data"]["sha256"] == hashlib.sha256(content).hexdigest()
    counts = archive.client.query("SELECT count() FROM events FINAL").result_rows
    archive.client.close()
    assert counts == [(3,)]


async def test_it_waits_for_a_database_that_comes_later(tmp_path: Path) -> None:
    server = EmbeddedClickHouse(tmp_path / "server", port=quiet_port())
    body = otlp.request(otlp.event("command"), image(data=image_bytes()))
    with SidecarProcess(**settings(server.url, tmp_path)) as sidecar:
        address = await sidecar.listening()
        assert await send(address, body) == 503
        await asyncio.to_thread(server.start)
        try:
            assert await sidecar.ready() == address
            assert await send(address, body) == 200
            await asyncio.to_thread(server.stop)
            assert await send(address, otlp.request(otlp.event("command"))) == 503
            async with aiohttp.ClientSession() as session, session.get(f"{address}/readyz") as answer:
                text = await answer.text()
            assert answer.status == 503
            assert "ClickHouse" in text
            assert server.password not in text
            await asyncio.to_thread(server.start)
            assert await sent_until_taken(address, body) == 200
            assert sidecar.end() == 0
        finally:
            await asyncio.to_thread(server.stop)
    assert server.password not in sidecar.text
    assert "Traceback" not in sidecar.text


async def test_migrate_is_a_command_and_a_database_of_a_newer_release_is_refused(url: str, tmp_path: Path) -> None:
    with SidecarProcess(["migrate"], CLICKHOUSE_URL=url) as first:
        assert await asyncio.to_thread(first.wait) == 0
        assert "applied 0001" in first.text
    with SidecarProcess(["migrate"], CLICKHOUSE_URL=url) as second:
        assert await asyncio.to_thread(second.wait) == 0
        assert "up to date" in second.text
    client = clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False)
    client.command("INSERT INTO schema_migrations (version, name, checksum) VALUES (9999, 'later', '')")
    client.close()
    for arguments in (["migrate"], []):
        with SidecarProcess(
            arguments, **(settings(url, tmp_path) if not arguments else {"CLICKHOUSE_URL": url})
        ) as refused:
            assert await asyncio.to_thread(refused.wait) == 1
            assert "9999" in refused.text
            assert "upgrade" in refused.text
            assert "Traceback" not in refused.text


async def test_the_list_of_plugins_names_their_settings() -> None:
    with SidecarProcess(["plugins"]) as listing:
        assert await asyncio.to_thread(listing.wait) == 0
    assert "images: loaded; required" in listing.text
    assert "CHATTRAIL_SIDECAR_IMAGES_DIRECTORY=data/images  (default)  Folder" in listing.text
