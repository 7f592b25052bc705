"""The dashboard's JSON API, as far as owners need it in the chat."""

import asyncio
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ValidationError

LIMIT_S = 15
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class ApiError(Exception):
    """The dashboard gave no useful answer; the text, which holds no secret, is for the admin."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


class Figure(BaseModel):
    """A figure and its value in the period before."""

    value: float
    previous: float | None = None


class Slot(BaseModel):
    """One bucket of the activity chart."""

    at: datetime
    messages: float
    answers: float
    pictures: float
    bot_messages: float = 0

    @property
    def sent(self) -> float:
        """Messages of the bot, an AI's answers and others."""
        return self.answers + self.bot_messages


class Range(BaseModel):
    """Which days the figures are about."""

    timezone: str
    bucket: str


class Revenue(BaseModel):
    """What was paid in one currency, less what was refunded."""

    currency: str
    amount: float
    minor_digits: int


class Premium(BaseModel):
    """Payments."""

    revenue: list[Revenue] = []


class Stats(BaseModel):
    """GET /api/analytics/stats, in part."""

    range: Range
    figures: dict[str, Figure]
    activity: list[Slot]
    premium: Premium = Premium()


class User(BaseModel):
    """A person who writes to the bot."""

    client_id: str
    name: str
    username: str
    messages: int
    last_seen: datetime


class Users(BaseModel):
    """GET /api/analytics/users, in part."""

    users: list[User]
    total: int


class KnownBot(BaseModel):
    """A bot that `bot=` may name."""

    bot: str


class Bots(BaseModel):
    """GET /api/analytics/bots."""

    bots: list[KnownBot]


class LoginLink(BaseModel):
    """POST /api/login-links."""

    url: str
    expires_at: datetime


Answer = TypeVar("Answer", bound=BaseModel)


class Client:
    """Asks with a bearer token. Connections are not kept: owners ask now and then."""

    def __init__(self, base_url: str, token: str | None) -> None:
        self.base_url = base_url.rstrip("/")
        self._token = token

    async def stats(self, span: str, bot_id: int) -> Stats:
        """Read the figures of "7d", "30d"… of a bot. Raises ApiError."""
        params = {"range": span, **await self._bot(bot_id)}
        return await self._request(Stats, "GET", "/api/analytics/stats", params=params)

    async def find(self, name: str, limit: int, bot_id: int) -> Users:
        """Read a bot's people with a text in name, username or id, the last seen first. Raises ApiError."""
        params = {"q": name, "limit": str(limit), **await self._bot(bot_id)}
        return await self._request(Users, "GET", "/api/analytics/users", params=params)

    async def _bot(self, bot_id: int) -> dict[str, str]:
        """Return the filter for a bot; none where the dashboard does not tell this one, or bots at all, apart."""
        try:
            known = await self._request(Bots, "GET", "/api/analytics/bots")
        except ApiError as error:
            if error.status == 404:
                return {}
            raise
        return {"bot": str(bot_id)} if any(one.bot == str(bot_id) for one in known.bots) else {}

    async def login_link(self) -> LoginLink:
        """Request a one-time link. Raises ApiError."""
        return await self._request(LoginLink, "POST", "/api/login-links", json={})

    async def _request(self, kind: type[Answer], method: str, path: str, **arguments: Any) -> Answer:
        if not self._token:
            raise ApiError("no token is set; `python -m web token` makes one")
        headers = {"Authorization": f"Bearer {self._token}"}
        # A proxy for Telegram, which many bots need, is none for this machine.
        proxies = urlsplit(self.base_url).hostname not in _LOOPBACK
        try:
            async with asyncio.timeout(LIMIT_S), httpx.AsyncClient(timeout=LIMIT_S, trust_env=proxies) as client:
                response = await client.request(method, self.base_url + path, headers=headers, **arguments)
            if response.is_success:
                return kind.model_validate_json(response.content)
        except (TimeoutError, httpx.TimeoutException):
            raise ApiError(f"no answer within {LIMIT_S} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ApiError(type(error).__name__) from None
        except ValidationError:
            raise ApiError("its answer is not of the expected form") from None
        try:
            title = response.json().get("title")  # problem+json (RFC 9457)
        except (ValueError, AttributeError):
            title = None
        status = response.status_code
        raise ApiError(f"{status} {title}" if isinstance(title, str) else str(status), status)
