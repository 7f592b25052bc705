"""The web part's JSON API as the bot's admins need it: stats and login links behind a bearer token, problems as RFC 9457."""

from typing import Any, Self

from aiohttp import web
from aiohttp.typedefs import Handler

TOKEN = "web-token-for-tests"


class WebApiServer:
    """An async context manager. `problem` makes it answer that status instead."""

    def __init__(self) -> None:
        self.problem: int | None = None
        self.stats: dict[str, Any] = _stats()
        self.login_links = 0
        self.bots: list[str] | None = None  # None: as a dashboard that knows no filter by bot
        self.asked: list[dict[str, str]] = []

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/api/analytics/stats", self._get_stats)
        app.router.add_get("/api/analytics/bots", self._get_bots)
        app.router.add_post("/api/login-links", self._post_link)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _problem(401, "Authentication required")
        if self.problem is not None:
            return _problem(self.problem, "ClickHouse is away")
        return await handler(request)

    async def _get_bots(self, request: web.Request) -> web.StreamResponse:
        if self.bots is None:
            return _problem(404, "Not Found")
        return web.json_response({"bots": [{"bot": bot, "username": ""} for bot in self.bots]})

    async def _get_stats(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(dict(request.query))
        if request.query.get("range") not in {"7d", "30d", "90d", "all"}:
            return _problem(400, "Bad range")
        return web.json_response(self.stats)

    async def _post_link(self, request: web.Request) -> web.StreamResponse:
        self.login_links += 1
        return web.json_response(
            {
                "url": f"{self.url}/login/link?token=one-time-{self.login_links}",
                "expires_at": "2026-11-22T16:45:00.000Z",
            },
            status=201,
        )


def _problem(status: int, title: str) -> web.Response:
    return web.json_response(
        {"type": "about:blank", "title": title, "status": status, "detail": title, "request_id": "r-1"},
        status=status,
        content_type="application/problem+json",
    )


def _stats() -> dict[str, Any]:
    values = {"people": 1234, "new_people": 56, "messages": 7890, "answers": 7800, "pictures": 432, "stars": 900}
    return {
        "range": {"from": "2026-11-16", "to": "2026-11-22", "timezone": "UTC", "bucket": "day"},
        "generated_at": "2026-11-22T16:30:00.000Z",
        "newest_event_at": None,
        "figures": {name: {"value": value, "previous": value / 2, "series": [1, 2]} for name, value in values.items()},
        "activity": [
            {"at": f"2026-11-{day}T00:00:00Z", "people": day, "messages": day * 10, "answers": day * 9, "pictures": day}
            for day in range(16, 23)
        ],
    }
