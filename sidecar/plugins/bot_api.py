"""Calls of the Telegram Bot API. The token is part of every address, so no address leaves this module in words.

Source: https://core.telegram.org/bots/api#making-requests
"""

import aiohttp
from yarl import URL

from sidecar.errors import PermanentError, RetryableError
from sidecar.plugins.outbox import LONGEST_WAIT_S


class UnknownTokenError(Exception):
    """The Bot API knows no bot by this token."""


class BotApi:
    """One bot's access, with its connections. Make it on the loop that uses it."""

    def __init__(self, token: str, api_url: str) -> None:
        self._token = token
        self._base = api_url.rstrip("/")
        self.session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None), cookie_jar=aiohttp.DummyCookieJar()
        )

    async def close(self) -> None:
        """Close every connection."""
        await self.session.close()

    def file_url(self, path: str) -> URL:
        """Return where a file is downloaded; it holds the token."""
        return URL(f"{self._base}/file/bot{self._token}/{path}", encoded=True)

    async def call(self, method: str, parameters: dict[str, object], *, about: str) -> object:
        """Call a method and return its result; `about` says in errors what the call was for.

        Raises UnknownTokenError, PermanentError when it is refused for good, RetryableError when it may succeed later.
        """
        url = URL(f"{self._base}/bot{self._token}/{method}", encoded=True)
        try:
            async with self.session.post(url, json=parameters, allow_redirects=False) as response:
                try:
                    answer = await response.json(content_type=None)
                except (ValueError, RecursionError):  # the latter: nested without end
                    answer = None
                status = response.status
        except (aiohttp.ClientError, OSError) as error:
            raise RetryableError(f"Telegram can't be reached ({type(error).__name__})") from None
        if not isinstance(answer, dict):
            raise RetryableError(f"Telegram answered {status} with something that is not its API's JSON")
        if not answer.get("ok"):
            raise self._refusal(status, answer, about)
        return answer.get("result")

    def _refusal(self, status: int, answer: dict[str, object], about: str) -> Exception:
        parameters = answer.get("parameters")
        wait = parameters.get("retry_after", 1) if isinstance(parameters, dict) else 1
        said = str(answer.get("description", "")).replace(self._token, "<token>")[:200]
        if status == 401 or (status == 404 and said == "Not Found"):  # the API's answers to a token it does not know
            return UnknownTokenError()
        if status == 429 or status >= 500:
            return RetryableError(f"Telegram answered {status}", after=min(float(wait), LONGEST_WAIT_S))
        return PermanentError(f"Telegram refused {about}: {said or status}")
