"""Images that an event names by Telegram file_id: the Bot API says where the file is, each time anew.

The link to it holds the bot's token. No exception or log line is made from a request.
Source: https://core.telegram.org/bots/api#getfile
"""

import asyncio
import re
from collections.abc import Mapping

import aiohttp

from sidecar.errors import PermanentError, RetryableError
from sidecar.plugins.bot_api import BotApi, UnknownTokenError
from sidecar.plugins.images.fetch.http import raise_for_status, read_capped, without_cause

LINKS = 2
DEAD = frozenset({404, 410})
TEMPORARY = "temporarily unavailable"  # the API has one answer for a wrong file_id and for a file it can't give now
_FILE_PATH = re.compile(r"[A-Za-z0-9_\-./]+\Z")


class TelegramFiles:
    """Downloads files by file_id through the Bot API server that the settings name."""

    def __init__(
        self,
        token: str,
        api_url: str,
        *,
        max_bytes: int,
        timeout_s: float,
        setting: str = "TELEGRAM_TOKEN",
        what: str = "image",
    ) -> None:
        self._api = BotApi(token, api_url)
        self._setting = setting
        self._what = what
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s

    async def close(self) -> None:
        """Close every connection."""
        await self._api.close()

    async def fetch(self, file_id: str) -> bytes:
        """Return the file's bytes. Raises PermanentError when Telegram does not know the file, else RetryableError."""
        failure: PermanentError | RetryableError
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._by_a_fresh_link(file_id)
        except (PermanentError, RetryableError) as error:
            failure = without_cause(error)
            if TEMPORARY in failure.reason:
                failure = RetryableError(failure.reason, after=10)
        except TimeoutError:
            failure = RetryableError(f"Telegram did not deliver the {self._what} within {self._timeout_s:g} s")
        except UnknownTokenError:
            failure = RetryableError(
                f"Telegram does not accept the token in CHATTRAIL_SIDECAR_IMAGES_{self._setting}", after=30
            )
        except (aiohttp.ClientError, OSError) as error:
            failure = RetryableError(f"Telegram can't be reached ({type(error).__name__})")
        raise failure  # outside `except`, so that no error of a request becomes its context

    async def _by_a_fresh_link(self, file_id: str) -> bytes:
        """A link lives for an hour at least, and may die in between: one that is dead is asked for again, once."""
        for _ in range(LINKS):
            content = await self._download(await self._path_of(file_id))
            if content is not None:
                return content
        raise PermanentError(f"Telegram gave {LINKS} links to the {self._what}, and nothing was there")

    async def _path_of(self, file_id: str) -> str:
        result = await self._api.call("getFile", {"file_id": file_id}, about="the file")
        path = result.get("file_path") if isinstance(result, dict) else None
        if not isinstance(path, str) or not _FILE_PATH.match(path) or ".." in path.split("/"):
            raise PermanentError("Telegram named no file to download")
        return path

    async def _download(self, path: str) -> bytes | None:
        async with self._api.session.get(
            self._api.file_url(path), allow_redirects=False, headers={"Accept-Encoding": "identity"}
        ) as response:
            if response.status in DEAD:
                return None
            raise_for_status(response)
            return await read_capped(response, self._max_bytes, self._what)


class TelegramBots:
    """Downloads each file with the token of the bot that the event names: a file_id is of use to its own bot only.

    `tokens` are by bot id; one under "" is a token whose bot is not known, which serves for every bot without its own.
    """

    def __init__(
        self, tokens: Mapping[str, str], api_url: str, *, max_bytes: int, timeout_s: float, what: str = "image"
    ) -> None:
        self._what = what
        setting = "TELEGRAM_TOKENS" if len(tokens) > 1 else "TELEGRAM_TOKEN"
        self._bots = {
            bot_id: TelegramFiles(token, api_url, max_bytes=max_bytes, timeout_s=timeout_s, setting=setting, what=what)
            for bot_id, token in tokens.items()
        }

    async def close(self) -> None:
        """Close every connection."""
        for bot in self._bots.values():
            await bot.close()

    async def fetch(self, source: str) -> bytes:
        """Return the bytes of `bot/file_id` or `file_id`. Raises PermanentError, also where no token fits, or RetryableError."""
        bot_id, _, file_id = source.rpartition("/")
        return await self._bot(bot_id).fetch(file_id)

    def _bot(self, bot_id: str) -> TelegramFiles:
        if not self._bots:
            raise PermanentError(
                f"{self._what}s by file_id need CHATTRAIL_SIDECAR_IMAGES_TELEGRAM_TOKEN, or _TELEGRAM_TOKENS for several bots"
            )
        found = self._bots.get(bot_id) or self._bots.get("")
        if found is None and not bot_id:  # sent by a library that does not say which bot it is
            if len(self._bots) > 1:
                raise PermanentError("the event does not name its bot, and the tokens of several bots are set")
            (found,) = self._bots.values()
        if found is None:
            raise PermanentError(
                f"no token of the bot {bot_id} is set: add it to CHATTRAIL_SIDECAR_IMAGES_TELEGRAM_TOKENS"
            )
        return found
