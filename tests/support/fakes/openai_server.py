"""An AI provider on loopback that speaks OpenAI's documented wire format, errors included.

Chat completions and image generations as in https://platform.openai.com/docs/api-reference; errors are
`{"error": {"message", "type", "param", "code"}}`. A test can make it refuse, be busy, answer nonsense, or hang.
"""

import asyncio
import base64
import io
import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web
from PIL import Image

KEY = "sk-test-key"


@dataclass(slots=True)
class Fault:
    """How to answer the next request instead."""

    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None  # sent as it is, with `content_type`
    content_type: str = "application/json"
    hang: bool = False
    delay: float = 0.0


_TYPES = {401: "invalid_request_error", 404: "invalid_request_error", 429: "rate_limit_exceeded"}


class OpenAiServer:
    """An async context manager. `url` is the base URL up to /v1; `requests` holds the bodies that arrived."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.answer = "The lamp is lit, and you are on time."
        self.images_by_url = False
        self._faults: deque[Fault] = deque()
        self._arrived = asyncio.Condition()
        self._ending = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/v1/images/generations", self._image)
        app.router.add_get("/files/{name}", self._file)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.base = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self.url = f"{self.base}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ending.set()
        await self._runner.cleanup()

    def fail(self, *faults: Fault) -> None:
        """Answer the next requests with these, in order; then work again."""
        self._faults.extend(faults)

    async def arrived(self, count: int) -> None:
        """Wait until `count` requests have arrived."""
        async with asyncio.timeout(10), self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        refusal = await self._refusal(request, body)
        if refusal is not None:
            return refusal
        if not isinstance(body.get("messages"), list) or not body["messages"]:
            return _error(400, "'messages' is a required property")
        words = sum(len(message["content"].split()) for message in body["messages"])
        if body.get("stream"):
            return await self._stream(request, body, words)
        return web.json_response(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1770000000,
                "model": f"{body['model']}-2026-01-01",
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": self.answer, "refusal": None},
                        "logprobs": None,
                        "finish_reason": "stop",
                    }
                ],
                "usage": {"prompt_tokens": words, "completion_tokens": 9, "total_tokens": words + 9},
            }
        )

    async def _stream(self, request: web.Request, body: dict[str, Any], words: int) -> web.StreamResponse:
        """Answer word by word, as server-sent events."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        parts: list[dict[str, Any]] = [
            {"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]}
            for word in re.findall(r"\S+\s*", self.answer)
        ]
        parts.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        if (body.get("stream_options") or {}).get("include_usage"):
            usage = {"prompt_tokens": words, "completion_tokens": 9, "total_tokens": words + 9}
            parts.append({"choices": [], "usage": usage})
        named = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1770000000}
        for part in parts:
            data = json.dumps({**named, "model": f"{body['model']}-2026-01-01", **part})
            await response.write(f"data: {data}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _image(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        refusal = await self._refusal(request, body)
        if refusal is not None:
            return refusal
        if self.images_by_url:
            entry = {"url": f"{self.base}/files/picture.png"}
        else:
            entry = {"b64_json": base64.b64encode(image()).decode()}
        return web.json_response({"created": 1770000000, "data": [entry]})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        if "Authorization" in request.headers:
            return _error(400, "the key must not travel to where pictures are stored")
        return web.Response(body=image(), content_type="image/png")

    async def _refusal(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        async with self._arrived:
            self.requests.append(body)
            self._arrived.notify_all()
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return _error(401, "Incorrect API key provided.", code="invalid_api_key")
        if not self._faults:
            return None
        fault = self._faults.popleft()
        if fault.hang:
            await self._ending.wait()
        await asyncio.sleep(fault.delay)
        if fault.status == 200 and fault.body is None:
            return None
        if fault.body is not None:
            return web.Response(
                status=fault.status, body=fault.body, content_type=fault.content_type, headers=fault.headers
            )
        return _error(fault.status, "ordered by the test", headers=fault.headers)


def image() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (256, 256), "teal").save(out, "PNG")
    return out.getvalue()


def _error(
    status: int, message: str, *, code: str | None = None, headers: dict[str, str] | None = None
) -> web.Response:
    return web.json_response(
        {"error": {"message": message, "type": _TYPES.get(status, "server_error"), "param": None, "code": code}},
        status=status,
        headers=headers,
    )
