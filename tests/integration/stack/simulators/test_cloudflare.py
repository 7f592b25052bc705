"""The simulated Cloudflare keeps to its documentation: drafts, one-time addresses, signatures, limits, envelopes."""

import asyncio
import contextlib
import hashlib
import hmac
import io
import re
import signal
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from PIL import Image

from stack.simulators.cloudflare.server import CloudflareServer
from tests.support.clock import FakeClock
from tests.support.image_host import image_bytes
from tests.support.uploads import photograph


class Client:
    """A client of its own, that knows nothing of the store's."""

    def __init__(self, server: CloudflareServer, session: aiohttp.ClientSession) -> None:
        self.base = f"{server.api_url}/accounts/{server.account_id}/images"
        self.session = session
        self.headers = {"Authorization": f"Bearer {server.token}"}

    async def api(self, method: str, path: str, **fields: str) -> tuple[int, dict[str, Any]]:
        form = None
        if method == "POST":
            form = aiohttp.FormData(fields or {"requireSignedURLs": "true"}, default_to_multipart=True)
        async with self.session.request(method, self.base + path, headers=self.headers, data=form) as answer:
            return answer.status, await answer.json()

    async def draft(self, **fields: str) -> tuple[str, str]:
        status, answer = await self.api("POST", "/v2/direct_upload", **fields)
        assert (status, answer["success"], answer["errors"], answer["messages"]) == (200, True, [], [])
        return answer["result"]["id"], answer["result"]["uploadURL"]

    async def upload(self, address: str, content: bytes, kind: str = "image/jpeg") -> tuple[int, int]:
        form = aiohttp.FormData()
        form.add_field("file", io.BytesIO(content), filename="a", content_type=kind)
        async with self.session.post(address, data=form) as answer:
            return answer.status, next((error["code"] for error in (await answer.json())["errors"]), 0)


@contextlib.asynccontextmanager
async def served(clock: FakeClock | None = None) -> AsyncIterator[tuple[CloudflareServer, Client]]:
    clock = clock or FakeClock()
    async with CloudflareServer(clock=clock.time) as server, aiohttp.ClientSession() as session:
        yield server, Client(server, session)


async def test_a_draft_becomes_an_image_once() -> None:
    async with served() as (_, client):
        image_id, address = await client.draft(requireSignedURLs="true", metadata='{"a": 1}')
        draft = (await client.api("GET", f"/v1/{image_id}"))[1]["result"]
        assert (draft["draft"], draft["requireSignedURLs"], draft["meta"]) == (True, True, {"a": 1})
        assert (await client.api("GET", "/v1"))[1]["result"] == {"images": []}
        assert await client.upload(address, photograph().content) == (200, 0)
        assert await client.upload(address, photograph().content) == (409, 5409)
        image = (await client.api("GET", f"/v1/{image_id}"))[1]["result"]
        assert "draft" not in image
        assert [each["id"] for each in (await client.api("GET", "/v1"))[1]["result"]["images"]] == [image_id]
        assert (await client.api("DELETE", f"/v1/{image_id}"))[0] == 200
        status, gone = await client.api("DELETE", f"/v1/{image_id}")
        assert (status, gone["success"], gone["errors"][0]["code"], gone["result"]) == (404, False, 5404, None)


async def test_an_upload_address_expires() -> None:
    clock = FakeClock()
    async with served(clock) as (_, client):
        _, address = await client.draft()
        soon = clock.now()
        _, longer = await client.draft(expiry=(soon + timedelta(hours=5)).isoformat())
        for minutes in (1, 361):
            too = (soon + timedelta(minutes=minutes)).isoformat()
            assert (await client.api("POST", "/v2/direct_upload", expiry=too))[0] == 400
        clock.advance(1801)
        assert await client.upload(address, photograph().content) == (400, 5400)
        assert await client.upload(longer, photograph().content) == (200, 0)


async def test_an_image_with_an_id_of_ones_own_is_never_private() -> None:
    async with served() as (_, client):
        assert (await client.api("POST", "/v2/direct_upload", id="mine", requireSignedURLs="true"))[0] == 400
        assert (await client.draft(id="mine"))[0] == "mine"
        assert (await client.api("POST", "/v2/direct_upload", id="mine"))[0] == 409


async def test_what_is_no_image_or_too_large_is_refused() -> None:
    async with served() as (server, client):
        _, address = await client.draft()
        assert await client.upload(address, bytes(10_000_001)) == (413, 5413)
        assert await client.upload(address, b"no picture", "image/png") == (415, 5455)
        assert await client.upload(address, photograph().content, "text/plain") == (415, 5455)
        assert await client.upload(address, image_bytes("PNG", (12_001, 1)), "image/png") == (413, 5413)
        async with client.session.post(address, data=photograph().content) as answer:
            assert (answer.status, (await answer.json())["errors"][0]["code"]) == (415, 5415)
        assert not server.images.finished()


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [({}, 400, 9106), ({"Authorization": "Basic x"}, 400, 6003), ({"Authorization": "Bearer wrong"}, 401, 10000)],
)
async def test_requests_without_the_token(headers: dict[str, str], status: int, code: int) -> None:
    async with served() as (server, client):
        client.headers = headers
        answered, body = await client.api("GET", "/v1")
        assert (answered, body["errors"][0]["code"]) == (status, code)
        assert server.limit.refused == 0


async def test_a_private_image_needs_a_signed_address_that_has_not_expired() -> None:
    clock = FakeClock()
    async with served(clock) as (server, client):
        image_id, address = await client.draft()
        await client.upload(address, photograph().content)

        async def seen(variant: str, query: str, path: str = "") -> tuple[int, bytes]:
            async with client.session.get(f"{server.delivery_url}{path or place}/{variant}{query}") as answer:
                return answer.status, await answer.read()

        def signed(variant: str, expires: float, key: str = server.signing_key) -> str:
            # written from the documentation once more, not with the server's function
            query = f"exp={int(expires)}"
            message = f"{place}/{variant}?{query}".encode()
            return f"?{query}&sig=" + hmac.new(key.encode(), message, hashlib.sha256).hexdigest()

        place = f"/{server.account_hash}/{image_id}"
        good = signed("public", clock.time() + 60)
        assert await seen("public", good) == (200, photograph().content)
        thumbnail = (await seen("thumbnail", signed("thumbnail", clock.time() + 60)))[1]
        assert max(Image.open(io.BytesIO(thumbnail)).size) == 320
        for query in ("", good[:-1] + "x", good.replace("exp=1", "exp=2"), signed("public", clock.time() + 60, "wrong"),
                      signed("public", clock.time() - 1), good + "&exp=9999999999", good.partition("&")[0]):  # fmt: skip
            assert (await seen("public", query))[0] == 403
        assert (await seen("thumbnail", good))[0] == 403  # signed for another variant
        assert (await seen("huge", signed("huge", clock.time() + 60)))[0] == 404
        clock.advance(61)
        assert (await seen("public", good))[0] == 403


async def test_after_1200_requests_nothing_goes_for_five_minutes() -> None:
    clock = FakeClock()
    async with served(clock) as (server, client):
        for _ in range(1199):
            server.limit.count()
        async with client.session.get(f"{client.base}/v1", headers=client.headers) as answer:
            assert (answer.status, answer.headers["Ratelimit"]) == (200, '"default";r=0;t=300')
        for after in (300, 1):
            async with client.session.get(f"{client.base}/v1", headers=client.headers) as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (429, str(after))
                assert (await answer.json())["success"] is False
            clock.advance(299)
        clock.advance(1)
        assert (await client.api("GET", "/v1"))[0] == 200


async def test_it_runs_as_a_process_and_takes_orders() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stack.simulators.cloudflare", "--port", "0", "--speed", "60"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            line = (await process.stdout.readline()).decode()
        found = re.search(r"ready on (http://\S+)/client/v4, account (\w+)", line)
        assert found is not None
        async with aiohttp.ClientSession() as session:
            faults = [{"kind": "error", "route": "list", "code": 5503}]
            assert (await session.post(f"{found[1]}/_simulation/faults", json=faults)).status == 204
            headers = {"Authorization": "Bearer cloudflare-test-token"}
            address = f"{found[1]}/client/v4/accounts/{found[2]}/images/v1"
            assert [(await session.get(address, headers=headers)).status for _ in range(2)] == [503, 200]
            report = await (await session.get(f"{found[1]}/_simulation")).json()
            assert report == {
                "records": [],
                "answers": {"list 503": 1, "list 200": 1},
                "refused_by_limit": 0,
                "faults": 0,
            }
    finally:
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
