"""Secrets of the way of an image, repeated by everybody who is asked: none gets into logs, errors, tables, files or names."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import clickhouse_connect
import pytest
from aiohttp import web

from sidecar.receiver.responses import PROTOBUF
from stack.simulators.loopback import LoopbackServer
from tests.support import otlp
from tests.support.archives import Archive
from tests.support.embedded import EmbeddedClickHouse
from tests.support.image_host import image_bytes
from tests.support.migrated import migrated_database
from tests.support.receivers import SidecarProcess, until

CANARY = "CANARY"
BOT_TOKEN = "4242:CANARY-bot-token"
CLOUDFLARE_TOKEN = "CANARY-cloudflare-token"
SECRET_KEY = "CANARY-secret-key"
ACCESS_KEY = "CANARY-access-key"
LINK = "photos/CANARY-file-link.jpg"
SIGNED = "http://10.0.0.1/cat.png?X-Amz-Signature=CANARY-signature&sig=CANARY-sig"
ACCOUNT = "0123456789abcdef0123456789abcdef"
IMAGE = image_bytes("JPEG")


class Parrot(LoopbackServer):
    """Telegram, Cloudflare and S3 at their worst: each answer is another failure, and holds what the request held."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1", 0, shutdown_s=0.1)
        self.repeated = 0
        self.calls: dict[str, int] = {}

    def _application(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/bot{token}/getFile", self._get_file)
        app.router.add_get("/file/bot{token}/{path:.+}", self._file)
        app.router.add_post("/client/v4/accounts/{account}/images/v2/direct_upload", self._draft)
        app.router.add_post("/upload", self._upload)
        app.router.add_get("/redirect", self._redirect)
        app.router.add_route("*", "/{rest:.*}", self._other)
        return app

    def _nth(self, route: str) -> int:
        self.calls[route] = self.calls.get(route, 0) + 1
        return self.calls[route] - 1

    def _said(self, request: web.Request, *secrets: str) -> str:
        said = f"{request.url} {request.headers.get('Authorization', '')} {' '.join(secrets)}"
        assert CANARY in said
        self.repeated += 1
        return said

    def _badly(self, route: str, request: web.Request, said: str) -> web.StreamResponse:
        """Another failure each time, all of which may pass."""
        headers = {"X-Said": said, "Location": f"http://127.0.0.1:9/{LINK}?{CLOUDFLARE_TOKEN}"}
        match self._nth(route) % 4:
            case 0:
                return web.Response(status=502, text=f"<html>{said}</html>", headers=headers)
            case 1:
                return web.Response(status=302, text=said, headers=headers)
            case 2:
                assert request.transport is not None
                request.transport.close()
                return web.Response(text=said)
            case _:
                return web.Response(text=f"{{ no JSON: {said}", content_type="application/json", headers=headers)

    async def _get_file(self, request: web.Request) -> web.StreamResponse:
        said = self._said(request, LINK)
        if self._nth("getFile") % 2:
            return web.json_response({"ok": True, "result": {"file_id": "a", "file_path": LINK, "said": said}})
        if self.calls["getFile"] % 4 == 1:
            refusal = {"ok": False, "error_code": 400, "description": f"Bad Request: {BOT_TOKEN}"}
            return web.json_response(refusal, status=400)
        return self._badly("getFile badly", request, said)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        return self._badly("file", request, self._said(request, LINK))

    async def _draft(self, request: web.Request) -> web.StreamResponse:
        said = self._said(request)
        match self._nth("draft"):
            case 0 | 1 | 2 | 3:
                return self._badly("draft badly", request, said)
            case 4 | 5:
                result = {"id": f"draft-{self.calls['draft']}", "uploadURL": f"{self.url}/upload?sig=CANARY-upload"}
                return web.json_response({"success": True, "result": result, "errors": [], "messages": [said]})
            case 6:
                return _cloudflare(5500, 500, said)
            case _:  # the queue stops here, and says why
                return _cloudflare(10000, 401, said)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        return _cloudflare(5455, 415, self._said(request))

    async def _redirect(self, _request: web.Request) -> web.StreamResponse:
        self.repeated += 1
        return web.Response(status=302, headers={"Location": SIGNED})

    async def _other(self, request: web.Request) -> web.StreamResponse:
        if "/images/v1/" in request.path:
            return _cloudflare(5404, 404, self._said(request))
        said = self._said(request, SECRET_KEY)  # S3
        code, status = (("InternalError", 500), ("SignatureDoesNotMatch", 403))[self._nth("S3") > 3]
        body = (
            f"<Error><Code>{code}</Code><Message>{said}</Message><AWSAccessKeyId>{ACCESS_KEY}</AWSAccessKeyId></Error>"
        )
        return web.Response(status=status, text=body.replace("&", "&amp;"), content_type="application/xml")


def _cloudflare(code: int, status: int, said: str) -> web.Response:
    body = {"success": False, "result": None, "errors": [{"code": code, "message": said}], "messages": [said]}
    return web.json_response(body, status=status)


@pytest.fixture
def url(clickhouse: EmbeddedClickHouse) -> Iterator[str]:
    with migrated_database(clickhouse) as name:
        yield urlsplit(clickhouse.url)._replace(path=f"/{name}").geturl()


@pytest.fixture
async def parrot() -> AsyncIterator[Parrot]:
    async with Parrot() as running:
        yield running


STORES = {
    "cloudflare_images": {"IMAGES_CLOUDFLARE_ACCOUNT_ID": ACCOUNT, "IMAGES_CLOUDFLARE_API_TOKEN": CLOUDFLARE_TOKEN},
    "s3": {
        "IMAGES_S3_BUCKET": "pictures",
        "IMAGES_S3_ACCESS_KEY_ID": ACCESS_KEY,
        "IMAGES_S3_SECRET_ACCESS_KEY": SECRET_KEY,
    },
}


@pytest.mark.parametrize("store", STORES)
async def test_no_secret_leaves_the_process(store: str, url: str, parrot: Parrot, tmp_path: Path) -> None:
    settings = {
        "CLICKHOUSE_URL": url,
        "DATA": str(tmp_path / "data"),
        "LOG_LEVEL": "DEBUG",
        "IMAGES_STORE": store,
        "IMAGES_CLOUDFLARE_API_URL": f"{parrot.url}/client/v4",
        "IMAGES_S3_ENDPOINT": parrot.url,
        "IMAGES_TELEGRAM_TOKEN": BOT_TOKEN,
        "IMAGES_TELEGRAM_API_URL": parrot.url,
        "IMAGES_LOOPBACK_HOSTS": "127.0.0.1",
        "IMAGES_CONCURRENCY": "1",
        "IMAGES_ATTEMPTS": "3",
        "IMAGES_BACKOFF_S": "0.05",
        **STORES[store],
    }
    by_file_id = [{"file_id": f"file-{number}"} for number in range(8)]
    by_url = [{"url": f"{parrot.url}/redirect"}]
    by_bytes = [{"data": image_bytes(size=(8, 8 + number))} for number in range(9)]
    records = [_image(source) for source in itertools.chain(by_file_id, by_url)]
    poison = _image({"url": "https://example.org/cat.png"})
    del poison.attributes[0]  # a dead letter
    everywhere: dict[str, str] = {}
    with SidecarProcess(**settings) as sidecar:
        address = await sidecar.ready()
        await _send(address, otlp.request(*records, poison))
        archive = Archive(url, tmp_path)
        ended = await archive.ended(len(records))
        assert {row["status"] for row in ended} == {"failed"}
        await _send(address, otlp.request(*map(_image, by_bytes)))
        await until(lambda: "ALL IMAGES WAIT" in sidecar.text)
        await archive.shown(len(records) + len(by_bytes))
        for path in ("/metrics", "/readyz"):
            everywhere[path] = await _asked(f"{address}{path}")
        with SidecarProcess(["images", "status"], **settings) as status:
            assert await asyncio.to_thread(status.wait) == 0
        everywhere["status"] = status.text
        for file in (tmp_path / "data").rglob("*"):  # with the WAL, before it is taken in
            everywhere[str(file.relative_to(tmp_path))] = "" if file.is_dir() else file.read_bytes().decode("latin-1")
        assert sidecar.end() == 0
    archive.client.close()
    everywhere["log"] = sidecar.text
    everywhere |= await asyncio.to_thread(_tables, url)
    assert parrot.repeated > 20
    assert "Traceback" not in sidecar.text
    assert len([name for name in everywhere if "spool/" in name]) >= 5
    assert "file-1" in everywhere["images"]
    assert "ALL IMAGES WAIT" in everywhere["status"]
    assert _found(everywhere) == {}


def test_it_would_be_found() -> None:
    assert _found({"spool/CANARY.bin": "", "log": f"GET /file/bot{BOT_TOKEN}/{LINK}"}).keys() == {
        "spool/CANARY.bin",
        "log",
    }


def _found(everywhere: dict[str, str]) -> dict[str, list[str]]:
    """Where a canary is, and what stands around it; nobody is fooled by how it is written in an address."""
    return {
        name: re.findall(".{0,60}canary.{0,60}", f"{name} {text}", re.IGNORECASE)
        for name, text in everywhere.items()
        if CANARY.lower() in f"{name} {text}".lower()
    }


def _tables(url: str) -> dict[str, str]:
    """Every table, whole."""
    with clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False) as client:
        names = client.query(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine != 'MaterializedView'"
        )
        texts = {name: client.raw_query(f"SELECT * FROM {name}", fmt="TSV") for (name,) in names.result_rows}
        found = {name: text.decode("utf-8", "replace") for name, text in texts.items()}
    assert {"events", "images", "dead_letters"} <= found.keys()
    assert found["dead_letters"]
    return found


def _image(source: dict[str, Any]) -> Any:
    return otlp.event(
        "image_generated", attributes={f"chattrail.image.{name}": value for name, value in source.items()}
    )


async def _send(address: str, body: bytes) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{address}/v1/logs", data=body, headers={"Content-Type": PROTOBUF}) as answer,
    ):
        assert answer.status == 200


async def _asked(address: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        return await answer.text()
