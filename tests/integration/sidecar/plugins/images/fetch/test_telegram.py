"""Images by file_id when Telegram misbehaves: stale links, cut and slow bodies; the token and the link stay inside."""

import asyncio
import traceback
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from sidecar.errors import PermanentError, RetryableError
from sidecar.plugins.images.fetch.telegram import TelegramFiles
from stack.simulators.loopback import LoopbackServer
from tests.support.image_host import image_bytes

TOKEN = "42:CANARY-TOKEN"
LINK = "photos/CANARY-LINK.jpg"
CONTENT = image_bytes("JPEG")


class FileServer(LoopbackServer):
    """The two calls it takes to get a file, each answering as the next word in its list says, then as it should."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1", 0, shutdown_s=0.1)
        self.asked = self.served = 0
        self.answers: list[tuple[int, str]] = []
        self.files: list[str] = []
        self.headers: dict[str, str] = {}

    def _application(self) -> web.Application:
        app = web.Application()
        app.router.add_post(f"/bot{TOKEN}/getFile", self._get_file)
        app.router.add_get(f"/file/bot{TOKEN}/{{path:.+}}", self._file)
        return app

    async def _get_file(self, request: web.Request) -> web.Response:
        self.asked += 1
        assert await request.json() == {"file_id": "AgAC"}
        if self.answers:
            code, description = self.answers.pop(0)
            return web.json_response({"ok": False, "error_code": code, "description": description}, status=code)
        return web.json_response({"ok": True, "result": {"file_id": "AgAC", "file_path": LINK}})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        self.served += 1
        assert request.match_info["path"] == LINK
        self.headers = dict(request.headers)
        what = self.files.pop(0) if self.files else "whole"
        if what.isdigit():
            return web.Response(status=int(what), headers={"Location": f"https://elsewhere.example/{TOKEN}"})
        if what == "whole":
            return web.Response(body=CONTENT)
        response = web.StreamResponse(headers={"Content-Length": "100000"} if what == "cut" else {})
        await response.prepare(request)
        await response.write(CONTENT[:100])
        assert request.transport is not None
        while what == "endless":
            await response.write(bytes(65536))
        if what == "trickle":
            await asyncio.sleep(30)
        request.transport.abort() if what == "reset" else request.transport.close()
        return response


@pytest.fixture
async def server() -> AsyncIterator[FileServer]:
    async with FileServer() as running:
        yield running


def everything_about(error: BaseException) -> str:
    """An error's words, and those of whatever it was made from, even where a traceback would not show it."""
    seen: list[BaseException] = []
    left: list[BaseException | None] = [error]
    while left:
        if (one := left.pop()) is not None and one not in seen:
            seen.append(one)
            left += [one.__cause__, one.__context__]
    words = [text for one in seen for text in (str(one), repr(one), repr(one.args), repr(vars(one)))]
    return "\n".join([*words, *traceback.format_exception(error)])


@pytest.mark.parametrize(
    ("answers", "files", "error", "message", "asked"),
    [
        ([], ["404", "404"], PermanentError, "gave 2 links to the image, and nothing was there", 2),
        ([], ["403"], PermanentError, "answered 403", 1),
        ([], ["302"], PermanentError, "answered 302", 1),
        ([], ["500"], RetryableError, "answered 500", 1),
        ([], ["429"], RetryableError, "answered 429", 1),
        ([], ["cut"], RetryableError, r"Telegram can't be reached \(ClientPayloadError\)", 1),
        ([], ["reset"], RetryableError, "Telegram can't be reached", 1),
        ([], ["trickle"], RetryableError, "did not deliver the image within 1 s", 1),
        ([], ["endless"], PermanentError, "larger than 100000 bytes", 1),
        ([(400, "Bad Request: invalid file_id")], [], PermanentError, "refused the file: Bad Request: invalid file_id", 1),
        (
            [(400, "Bad Request: wrong file_id or the file is temporarily unavailable")], [],
            RetryableError, "temporarily unavailable", 1,
        ),
        ([(400, "Bad Request: file is too big")], [], PermanentError, "file is too big", 1),
        ([(400, f"Bad Request: {TOKEN}")], [], PermanentError, "<token>", 1),
        ([(401, "Unauthorized")], [], RetryableError, "CHATTRAIL_SIDECAR_IMAGES_TELEGRAM_TOKEN", 1),
    ],
)  # fmt: skip
async def test_what_goes_wrong_has_its_ending_and_tells_no_secret(
    answers: list[tuple[int, str]],
    files: list[str],
    error: type[Exception],
    message: str,
    asked: int,
    server: FileServer,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level("DEBUG")
    asyncio.get_running_loop().set_debug(True)
    server.answers, server.files = answers, files
    telegram = TelegramFiles(TOKEN, server.url, max_bytes=100_000, timeout_s=1.0)
    try:
        with pytest.raises(error, match=message) as caught:
            await telegram.fetch("AgAC")
        assert server.asked == asked
        assert "CANARY" not in everything_about(caught.value) + repr(telegram)
        assert caught.value.__cause__ is caught.value.__context__ is None
    finally:
        await telegram.close()
    written = capfd.readouterr()
    assert "CANARY" not in caplog.text + written.out + written.err


async def test_a_link_that_died_is_asked_for_again(server: FileServer) -> None:
    server.files = ["404"]
    telegram = TelegramFiles(TOKEN, server.url, max_bytes=100_000, timeout_s=5)
    try:
        assert await telegram.fetch("AgAC") == CONTENT
        assert (server.asked, server.served) == (2, 2)
        assert await telegram.fetch("AgAC") == CONTENT  # and a link that worked is not kept
        assert (server.asked, server.served) == (3, 3)
        assert server.headers["Accept-Encoding"] == "identity"
    finally:
        await telegram.close()


async def test_nobody_listens_and_no_link_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    telegram = TelegramFiles(TOKEN, "http://127.0.0.1:9", max_bytes=1000, timeout_s=5)
    try:
        with pytest.raises(RetryableError, match="can't be reached") as caught:
            await telegram.fetch("AgAC")
    finally:
        await telegram.close()
    assert "CANARY" not in everything_about(caught.value) + caplog.text
    assert caught.value.__cause__ is caught.value.__context__ is None
