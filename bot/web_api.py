"""The JSON API of Chattrail's web part, as far as admins need it in the chat."""

import asyncio
from datetime import datetime
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

_LIMIT_SECONDS = 15


class WebError(Exception):
    """The web part gave no useful answer; the text is for the admin."""


class Figure(BaseModel):
    """A figure and its value in the period before."""

    value: float
    previous: float | None = None


class Figures(BaseModel):
    """The figures of the statistics page."""

    people: Figure
    new_people: Figure
    messages: Figure
    answers: Figure
    pictures: Figure
    stars: Figure


class Slot(BaseModel):
    """One bucket of the activity chart."""

    at: datetime
    messages: float
    answers: float
    pictures: float


class Stats(BaseModel):
    """GET /api/analytics/stats, in part."""

    figures: Figures
    activity: list[Slot]


class LoginLink(BaseModel):
    """POST /api/login-links."""

    url: str
    expires_at: datetime


Answer = TypeVar("Answer", bound=BaseModel)


class WebApi:
    """A client with a bearer token."""

    def __init__(self, base_url: str, token: str | None) -> None:
        self.base_url = base_url.rstrip("/")
        self.has_token = token is not None
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.AsyncClient(base_url=self.base_url, headers=headers, timeout=_LIMIT_SECONDS)

    async def stats(self, span: str) -> Stats:
        """Read the figures of "7d", "30d"… Raises WebError."""
        return await self._request(Stats, "GET", "/api/analytics/stats", params={"range": span})

    async def login_link(self) -> LoginLink:
        """Request a one-time link. Raises WebError."""
        return await self._request(LoginLink, "POST", "/api/login-links", json={})

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _request(self, kind: type[Answer], method: str, path: str, **arguments: Any) -> Answer:
        if not self.has_token:
            raise WebError("no token")
        try:
            async with asyncio.timeout(_LIMIT_SECONDS):
                response = await self._client.request(method, path, **arguments)
            if response.is_success:
                return kind.model_validate_json(response.content)
        except (TimeoutError, httpx.TimeoutException):
            raise WebError(f"no answer within {_LIMIT_SECONDS} s") from None
        except httpx.HTTPError as error:
            raise WebError(type(error).__name__) from None
        except ValidationError:
            raise WebError("its answer is not of the expected form") from None
        try:
            title = response.json().get("title")  # problem+json (RFC 9457)
        except (ValueError, AttributeError):
            title = None
        raise WebError(f"{response.status_code} {title}" if isinstance(title, str) else str(response.status_code))
