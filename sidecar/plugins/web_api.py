"""The web part's JSON API, as plugins ask it: with a token, an answer or an error that says whether to ask again."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
from pydantic import Field, SecretStr, model_validator

from common.net import is_unencrypted
from common.settings import Settings
from sidecar.errors import PermanentError, RetryableError
from sidecar.plugins.answer import read_answer

ANSWER_BYTES = 4 << 20  # what plugins ask for is some kilobytes


class WebApiSettings(Settings):
    """Where the web part is; the settings of such a plugin inherit it."""

    web_url: str = Field(
        "http://127.0.0.1:8000", pattern=r"^https?://[^?#@]+$", description="Chattrail's web part, for the figures."
    )
    web_token: SecretStr = Field(description="Bearer token for the web part's API (`python -m web token`).")
    public_url: str | None = Field(
        None, pattern=r"^https?://[^?#@]+$", description="Address of the pages, for a link; unset: no link."
    )
    allow_http: bool = Field(
        False, description="Allow plain http to another machine, in a network nobody else can read."
    )

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        if is_unencrypted(self.web_url) and not self.allow_http:
            raise ValueError(
                f"CHATTRAIL_{self.prefix}_WEB_URL must be https: http shows the token to everybody on the way to "
                f"{urlsplit(self.web_url).hostname}; in a network of your own set CHATTRAIL_{self.prefix}_ALLOW_HTTP=true"
            )
        return self


class WebApi:
    """One plugin's way to the API. Make it on the loop that uses it."""

    def __init__(self, settings: WebApiSettings, timeout_s: float) -> None:
        self._settings = settings
        self._http = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=timeout_s)
        )

    async def get(self, path: str, asked: Mapping[str, str] | None = None) -> Any:
        """The JSON of `/api/analytics/{path}`. Raises RetryableError while the web part is away, PermanentError for a refusal."""
        settings = self._settings
        headers = {"Authorization": f"Bearer {settings.web_token.get_secret_value()}"}
        url = f"{settings.web_url.rstrip('/')}/api/analytics/{path}"
        try:
            async with self._http.get(url, params=asked, headers=headers, allow_redirects=False) as response:
                status, body = response.status, await read_answer(response, ANSWER_BYTES)
                if status == HTTPStatus.OK:
                    return json.loads(body)
        except (aiohttp.ClientError, OSError) as error:
            raise RetryableError(f"the web part can't be reached ({type(error).__name__})") from None
        except (ValueError, RecursionError):
            raise RetryableError("the web part answered with something that is not JSON") from None
        if status == HTTPStatus.UNAUTHORIZED:
            raise RetryableError(f"the web part does not accept the token in CHATTRAIL_{settings.prefix}_WEB_TOKEN")
        if status in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND):
            raise PermanentError(f"the web part answered {status}")
        raise RetryableError(f"the web part answered {status}")

    async def close(self) -> None:
        """Close every connection."""
        await self._http.close()
