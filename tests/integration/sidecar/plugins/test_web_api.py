"""What plugins ask of the web part comes whole, however it arrives, and a refusal says whether to ask again."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

import pytest
from aiohttp import web
from pydantic import SecretStr

from sidecar.errors import PermanentError, RetryableError
from sidecar.plugins.web_api import WebApi, WebApiSettings

ANSWER = {"alerts": [{"name": "x" * 100} for _ in range(5000)]}  # more than comes at once


class Settings(WebApiSettings):
    prefix: ClassVar[str] = "SIDECAR_ASKING"


@dataclass
class Server:
    """The API as far as this goes."""

    url: str = ""
    status: int = 200

    async def answer(self, request: web.Request) -> web.Response:
        return web.json_response(ANSWER, status=self.status)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server, app = Server(), web.Application()
    app.router.add_get("/api/analytics/alerts", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.fixture
async def api(server: Server) -> AsyncIterator[WebApi]:
    api = WebApi(Settings(web_url=server.url, web_token=SecretStr("ct_token")), timeout_s=30)
    yield api
    await api.close()


async def test_a_large_answer_comes_whole(api: WebApi) -> None:
    assert await api.get("alerts") == json.loads(json.dumps(ANSWER))


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (401, RetryableError, "CHATTRAIL_SIDECAR_ASKING_WEB_TOKEN"),
        (400, PermanentError, "400"),
        (404, PermanentError, "404"),
        (503, RetryableError, "503"),
    ],
)
async def test_a_refusal_says_whether_to_ask_again(
    api: WebApi, server: Server, status: int, error: type[Exception], said: str
) -> None:
    server.status = status
    with pytest.raises(error, match=said):
        await api.get("alerts")
