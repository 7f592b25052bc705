"""A host of images on loopback, well-behaved and not, and images to host."""

import asyncio
import io
from collections import Counter

import aiohttp
from aiohttp import web
from PIL import Image

from stack.simulators.loopback import LoopbackServer
from stack.simulators.telegram.server import TelegramServer


def image_bytes(kind: str = "PNG", size: tuple[int, int] = (64, 48), colour: str = "teal", **options: object) -> bytes:
    """An image's bytes as Pillow writes them."""
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind, **options)
    return out.getvalue()


class ImageHost(LoopbackServer):
    """Serves `files` by name; other paths misbehave as their names say. `hits` counts requests by path."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1", 0, shutdown_s=0.1)
        self.files: dict[str, bytes] = {
            "cat.png": image_bytes(),
            "cat.jpg": image_bytes("JPEG"),
            "page.png": b"<html>not an image",
        }
        self.hits: Counter[str] = Counter()
        self.headers: dict[str, str] = {}
        self.failures: list[int] = []

    def _application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/files/{name}", self._file)
        app.router.add_get("/status/{status}", self._status)
        app.router.add_get("/flaky", self._flaky)
        app.router.add_get("/slow", self._slow)
        app.router.add_get("/endless", self._endless)
        app.router.add_get("/cut", self._cut)
        app.router.add_get("/gzipped", self._gzipped)
        app.router.add_get("/redirect/{left:[0-9]+}", self._redirect)
        app.router.add_get("/to", self._to)
        app.router.add_get("/loop", self._loop)
        app.router.add_get("/cookie", self._cookie)
        return app

    def address(self, path: str) -> str:
        return f"{self.url}/{path}"

    async def _file(self, request: web.Request) -> web.Response:
        self.hits[request.path] += 1
        self.headers = dict(request.headers)
        content = self.files.get(request.match_info["name"])
        # the wrong type on purpose: what an image is, its bytes say
        return web.Response(status=404) if content is None else web.Response(body=content, content_type="text/html")

    async def _status(self, request: web.Request) -> web.Response:
        self.hits[request.path] += 1
        return web.Response(status=int(request.match_info["status"]), headers=request.query)  # what the test asks for

    async def _flaky(self, request: web.Request) -> web.Response:
        self.hits[request.path] += 1
        return web.Response(status=self.failures.pop(0)) if self.failures else web.Response(body=self.files["cat.png"])

    async def _slow(self, request: web.Request) -> web.StreamResponse:
        self.hits[request.path] += 1
        response = web.StreamResponse()
        await response.prepare(request)
        for byte in self.files["cat.png"]:
            await response.write(bytes([byte]))
            await asyncio.sleep(0.2)
        return response

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        self.hits[request.path] += 1
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(65536))

    async def _cut(self, request: web.Request) -> web.StreamResponse:
        self.hits[request.path] += 1
        response = web.StreamResponse(headers={"Content-Length": "100000"})
        await response.prepare(request)
        await response.write(self.files["cat.png"])
        assert request.transport is not None
        request.transport.close()
        return response

    async def _gzipped(self, request: web.Request) -> web.Response:
        return web.Response(body=b"\x1f\x8b...", headers={"Content-Encoding": "gzip"})

    async def _redirect(self, request: web.Request) -> web.Response:
        self.hits["/redirect"] += 1
        left = int(request.match_info["left"])
        target = f"/redirect/{left - 1}" if left > 1 else "/files/cat.png"
        return web.Response(status=302, headers={"Location": target})

    async def _loop(self, request: web.Request) -> web.Response:
        return web.Response(status=301, headers={"Location": "/loop"})

    async def _cookie(self, request: web.Request) -> web.Response:
        return web.Response(status=303, headers={"Location": "/files/cat.png", "Set-Cookie": "a=b; Path=/"})

    async def _to(self, request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": request.query["url"]})


async def send_to_telegram(telegram: TelegramServer, content: bytes) -> str:
    """Send an image to a person as a bot would, and return the file_id that Telegram gives it."""
    person = telegram.person(7, name="Ann")
    await person.send("/start")  # a bot may not write first
    form = aiohttp.FormData({"chat_id": "7"})
    form.add_field("photo", content, filename="picture.jpg")
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{telegram.url}/bot{telegram.token}/sendPhoto", data=form) as answer,
    ):
        message = await answer.json()
    return str(message["result"]["photo"][-1]["file_id"])
