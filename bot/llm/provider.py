"""One way to call an OpenAI-compatible API: a total time limit, retries that honour Retry-After, errors with names."""

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any

import httpx
import stamina

from bot.llm.base import LlmError

_log = logging.getLogger(__name__)
_MAX_BODY = 32 * 1024 * 1024  # an image in base64 fits, an endless answer does not
_REFUSED = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "model_not_found",
    413: "too_large",
    422: "bad_request",
}


class _TransientError(LlmError):
    """May work when tried again, after `after` seconds when the provider said so."""

    def __init__(self, error_type: str, reason: str, after: float | None = None) -> None:
        super().__init__(error_type, reason)
        self.after = after


class Provider:
    """A client for one provider. `name` is used in logs and analytics, `variables` names the settings to check after a refusal."""

    def __init__(
        self,
        *,
        base_url: str,
        key: str | None,
        timeout: float,
        attempts: int,
        variables: str,
        wait_initial: float = 0.5,
    ) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # The time limit is asyncio's, over all attempts: httpx's own limits are for each read and write.
        self._client = httpx.AsyncClient(
            base_url=base_url.rstrip("/") + "/", headers=headers, timeout=httpx.Timeout(timeout, connect=10)
        )
        host = httpx.URL(base_url).host
        self.name = "openai" if host == "api.openai.com" else host  # the name in the gen_ai conventions
        self._timeout, self._attempts = timeout, attempts
        self._variables, self._wait_initial = variables, wait_initial

    async def post(self, path: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Post JSON and return the JSON object that comes back. Raises LlmError."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._timeout

        def again(error: Exception) -> bool | float:
            if not isinstance(error, _TransientError) or error.after is None:
                return isinstance(error, _TransientError)
            return error.after if clock() + error.after < deadline else False

        waits: dict[str, Any] = {"wait_initial": self._wait_initial, "wait_max": 8, "wait_jitter": self._wait_initial}
        try:
            async with asyncio.timeout_at(deadline):
                async for attempt in stamina.retry_context(on=again, attempts=self._attempts, timeout=None, **waits):
                    with attempt:
                        return await self._post_once(path, payload)
        except TimeoutError:
            raise LlmError("timeout", f"{self.name} gave no answer within {self._timeout:g} s") from None
        raise AssertionError("stamina returns or raises")

    async def get(self, url: str) -> bytes:
        """Fetch the image at an address that an answer gave. Raises LlmError."""
        try:
            target = httpx.URL(url)
        except httpx.InvalidURL:
            raise LlmError("malformed_response", f"{self.name} gave a broken address") from None
        if target.scheme != "https" and target.host != self._client.base_url.host:
            raise LlmError("malformed_response", f"{self.name} gave an address that is not https")
        try:
            async with asyncio.timeout(self._timeout):
                # Without the key: the address may be another host's.
                async with httpx.AsyncClient(timeout=self._timeout) as client, client.stream("GET", target) as response:
                    if response.status_code != httpx.codes.OK:
                        raise LlmError("provider_error", f"the image's address answered {response.status_code}")
                    return await _read(response)
        except TimeoutError:
            raise LlmError("timeout", f"the image did not arrive within {self._timeout:g} s") from None
        except httpx.HTTPError as error:
            raise LlmError("network", f"the image did not arrive: {type(error).__name__}") from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _post_once(self, path: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        try:
            async with self._client.stream("POST", path, json=payload) as response:
                body = await _read(response)
        except httpx.TimeoutException:
            raise _TransientError("timeout", f"{self.name} gave no answer in time") from None
        except httpx.HTTPError as error:
            raise _TransientError("network", f"{self.name} could not be reached: {type(error).__name__}") from None
        if response.status_code != httpx.codes.OK:
            raise self._failure(response)
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):  # the latter: nested too deep
            answer = None
        if not isinstance(answer, dict):
            raise _TransientError("malformed_response", f"{self.name} did not answer with a JSON object")
        return answer

    def _failure(self, response: httpx.Response) -> LlmError:
        status = response.status_code
        if status == httpx.codes.TOO_MANY_REQUESTS:
            return _TransientError("rate_limited", f"{self.name} asks to slow down", _retry_after(response))
        if status >= 500 or status == httpx.codes.REQUEST_TIMEOUT:
            return _TransientError("provider_error", f"{self.name} answered {status}", _retry_after(response))
        if status in {401, 403, 404}:
            _log.error("%s answered %d: check %s", self.name, status, self._variables)
        return LlmError(_REFUSED.get(status, "refused"), f"{self.name} answered {status}")


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _MAX_BODY:
            raise LlmError("too_large", "the answer is larger than 32 MiB")
    return bytes(body)


def _retry_after(response: httpx.Response) -> float | None:
    """Return the seconds; providers do not send a date, which a wrong clock would misread."""
    try:
        seconds = float(response.headers["Retry-After"])
    except (KeyError, ValueError):
        return None
    return seconds if 0 <= seconds < 3600 else None
