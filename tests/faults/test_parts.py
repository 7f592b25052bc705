"""The proxy and the load themselves: a harness that does nothing would make every row green."""

import asyncio
from collections import Counter
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.faults.load import Mix, Row, make_load, parcels_of
from tests.faults.oracle import Unverified, differences, verified
from tests.faults.proxy import Moment, Proxy, refusal


class Upstream:
    """A server that counts the bytes of what it gets."""

    def __init__(self) -> None:
        self.got: list[int] = []

    async def __aenter__(self) -> "Upstream":
        app = web.Application()
        app.router.add_post("/{path}", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        self.got.append(len(await request.read()))
        return web.Response(text="done")


@pytest.mark.parametrize(("moment", "arrived"), [("request", []), ("half", []), ("reply", [200_000])])
async def test_an_interceptor_stops_one_exchange_at_its_moment(moment: Moment, arrived: list[int]) -> None:
    async with Upstream() as upstream, Proxy(upstream.port) as proxy, aiohttp.ClientSession() as session:
        interceptor = proxy.intercept(b"POST /target", moment)
        async with session.post(f"{proxy.url}/other", data=b"x") as answer:
            assert answer.status == 200
        assert not interceptor.reached.is_set()
        exchange = asyncio.create_task(session.post(f"{proxy.url}/target", data=bytes(200_000)))
        await verified(interceptor.reached.is_set, "the interceptor", 5)
        assert upstream.got == [1, *arrived]
        assert not exchange.done()
        interceptor.cut()
        with pytest.raises(aiohttp.ClientError):
            await exchange
        async with session.post(f"{proxy.url}/target", data=bytes(100)) as answer:  # an interceptor holds one exchange
            assert answer.status == 200


async def test_it_refuses_cuts_and_mends() -> None:
    async with Upstream() as upstream, Proxy(upstream.port) as proxy, aiohttp.ClientSession() as session:
        proxy.answer = refusal(503, 7)
        async with session.post(f"{proxy.url}/a", data=bytes(100_000)) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "7")
        proxy.answer, proxy.down = None, True
        with pytest.raises(aiohttp.ClientError):
            await session.post(f"{proxy.url}/a", data=b"x")
        assert upstream.got == []
        proxy.down = False
        async with session.post(f"{proxy.url}/a", data=b"x") as answer:
            assert answer.status == 200


async def test_what_is_not_seen_in_time_is_unverified() -> None:
    with pytest.raises(Unverified, match="the moon"):
        await verified(lambda: False, "the moon", 0.05)


def test_a_load_knows_what_must_be_stored() -> None:
    load = make_load(3, 500, 40, Mix(poison=0.1, clocks=True))
    ids = [id_ for parcel in load.parcels for id_ in parcel.ids]
    assert Counter(ids) == Counter(load.expected.keys())
    assert 20 < load.poison < 90
    assert len(ids) + load.poison == 500
    assert {row.ts_source for row in load.expected.values()} == {"event", "observed", "id", "unknown"}
    assert sum(figures["events"] for figures in load.figures().values()) == len(ids)
    clean = make_load(3, 500, 40, Mix())
    again = parcels_of(clean.records[::-1], 7)
    assert sorted(id_ for parcel in again for id_ in parcel.ids) == sorted(clean.expected)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({}, []),
        ({"ts": 4}, ["ts"]),
        ({"user_id": "8"}, ["user_id"]),
        ({"attributes": {"user.id": "7", "event.sequence": "2", "text": "hi", "cost": "0.5"}}, []),
        ({"attributes": {"user.id": "7", "event.sequence": "2", "text": "hI", "cost": "0.25"}}, ["text", "cost"]),
        ({"attributes": {"user.id": "7", "event.sequence": "2", "text": "hi"}}, ["cost"]),
        ({"attributes": {"user.id": "7", "event.sequence": "2", "text": "hi", "cost": "0.5", "new": ""}}, ["new"]),
    ],
)
def test_a_field_that_differs_is_named(change: dict[str, Any], named: list[str]) -> None:
    row = Row("command", "7", 3, "event", {"user.id": "7", "event.sequence": 2, "text": "hi", "cost": 0.5})
    stored = {
        "type": "command",
        "user_id": "7",
        "ts": 3,
        "ts_source": "event",
        "sequence": 2,
        "attributes": {"event.id": "x", "user.id": "7", "event.sequence": "2", "text": "hi", "cost": "0.5"},
    }
    assert differences(row, tuple((stored | change).values())) == named
