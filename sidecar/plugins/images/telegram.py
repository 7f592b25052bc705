"""Pictures that an event names by Telegram file_id: the Bot API tells where the file is, each time anew.

The link it leads to holds the bot's token. It stays in this module: no exception or log line is made from a request.
Source: https://core.telegram.org/bots/api#getfile
"""

import asyncio
import re

import aiohttp
from yarl import URL

from sidecar.errors import Permanent, Retryable
from sidecar.plugins.images.fetch import LONGEST_WAIT_S, raise_for_status, read_capped

_FILE_PATH = re.compile(r"[A-Za-z0-9_\-./]+\Z")


class TelegramFiles:
    """Downloads files by file_id through the Bot API server that the settings name."""

    def __init__(self, token: str, api_url: str, *, max_bytes: int, timeout_s: float) -> None:
        self._token = token
        self._api_url = api_url.rstrip("/")
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None), cookie_jar=aiohttp.DummyCookieJar()
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def fetch(self, file_id: str) -> bytes:
        """Return the file's bytes. Raises Permanent when Telegram does not know the file, else Retryable."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._download(await self._path_of(file_id))
        except TimeoutError:
            raise Retryable(f"Telegram did not deliver the picture within {self._timeout_s:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Retryable(f"Telegram can't be reached ({type(error).__name__})") from None

    async def _path_of(self, file_id: str) -> str:
        url = URL(f"{self._api_url}/bot{self._token}/getFile", encoded=True)
        async with self._session.post(url, json={"file_id": file_id}, allow_redirects=False) as response:
            try:
                answer = await response.json(content_type=None)
            except ValueError:
                answer = None
            if not isinstance(answer, dict):
                raise Retryable(f"Telegram answered {response.status} with something that is not its API's JSON")
            if not answer.get("ok"):
                self._refuse(response.status, answer)
        result = answer.get("result")
        path = result.get("file_path") if isinstance(result, dict) else None
        if not isinstance(path, str) or not _FILE_PATH.match(path) or ".." in path.split("/"):
            raise Permanent("Telegram named no file to download")
        return path

    def _refuse(self, status: int, answer: dict[str, object]) -> None:
        parameters = answer.get("parameters")
        wait = parameters.get("retry_after", 1) if isinstance(parameters, dict) else 1
        said = str(answer.get("description", "")).replace(self._token, "<token>")[:200]
        if status == 401 or (status == 404 and said == "Not Found"):  # the API's answers to a token it does not know
            raise Retryable("Telegram does not accept the token in CHATTRAIL_SIDECAR_IMAGES_TELEGRAM_TOKEN", after=30)
        if status == 429 or status >= 500:
            raise Retryable(f"Telegram answered {status}", after=min(float(wait), LONGEST_WAIT_S))
        raise Permanent(f"Telegram refused the file: {said or status}")

    async def _download(self, path: str) -> bytes:
        url = URL(f"{self._api_url}/file/bot{self._token}/{path}", encoded=True)
        async with self._session.get(url, allow_redirects=False) as response:
            raise_for_status(response.status, response.headers.get("Retry-After"))
            return await read_capped(response, self._max_bytes)
