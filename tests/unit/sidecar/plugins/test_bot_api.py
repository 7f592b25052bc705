"""What the sidecar makes of answers that are none of the Bot API's."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sidecar.errors import RetryableError
from sidecar.plugins.bot_api import BotApi


@pytest.mark.parametrize("text", ["<html>a proxy's page</html>", "[" * 60_000, "[]"])
async def test_what_is_no_answer_is_asked_for_again(text: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=502, text=text)

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    async with TestServer(app) as server:
        api = BotApi("1:token-canary", str(server.make_url("/")))
        try:
            with pytest.raises(RetryableError) as error:
                await api.call("sendMessage", {}, about="an alert")
        finally:
            await api.close()
    assert "canary" not in str(error.value)
