"""The webhook: chosen events leave as signed POST requests, in order, one at a time."""

from contextlib import AsyncExitStack

import aiohttp
from yarl import URL

from sidecar.errors import PermanentError, RetryableError
from sidecar.otlp.batch import Batch
from sidecar.plugin import Context
from sidecar.plugins.outbox import LONGEST_WAIT_S, Outbox
from sidecar.plugins.webhook.payload import DELIVERY, SIGNATURE, bodies, delivery_id, signature
from sidecar.plugins.webhook.settings import WebhookSettings

RETRIED = frozenset({408, 425, 429})


class Webhook:
    """`handle` queues; a delivery is done when the far side answers 2xx."""

    def __init__(self, config: WebhookSettings, context: Context) -> None:
        self.events: frozenset[str] | None = frozenset(config.events)
        self._config = config
        self._context = context
        self._session: aiohttp.ClientSession | None = None
        self._outbox: Outbox[bytes] | None = None
        self._closing = AsyncExitStack()

    async def start(self) -> None:
        """Begin to deliver. Whether anybody listens shows with the first delivery: there is nothing harmless to ask."""
        if self._outbox is not None:
            return
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None), cookie_jar=aiohttp.DummyCookieJar()
        )
        self._closing.push_async_callback(self._session.close)
        config = self._config
        self._outbox = Outbox("webhook", self._post, config, self._context, capacity=config.queue_bytes, size=len)
        self._closing.push_async_callback(self._outbox.stop)
        self._outbox.start()

    async def handle(self, batch: Batch) -> None:
        """Queue the batch's chosen events."""
        if self._outbox is None:
            raise RetryableError("the webhook has not started")
        events = batch.events(frozenset(self._config.events))
        for body in bodies(events, message_text=self._config.message_text):
            self._outbox.put(body)

    async def shutdown(self) -> None:
        """Deliver what waits within the limit, then close."""
        self._outbox = None
        await self._closing.aclose()  # closes the session too when the sidecar's own limit is shorter

    async def _post(self, body: bytes) -> None:
        assert self._session is not None
        now = int(self._context.clock.now().timestamp())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "chattrail-webhook",
            SIGNATURE: signature(self._config.secret.get_secret_value(), now, body),
            DELIVERY: delivery_id(body),
        }
        try:
            url = URL(self._config.url.get_secret_value())
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                status, retry_after = response.status, response.headers.get("Retry-After", "")
        except (aiohttp.ClientError, OSError) as error:
            raise RetryableError(f"the webhook's address can't be reached ({type(error).__name__})") from None
        if 200 <= status < 300:
            return
        if status in RETRIED or status >= 500:
            after = min(float(retry_after), LONGEST_WAIT_S) if retry_after.isdecimal() else 0.0
            raise RetryableError(f"the webhook's address answered {status}", after=after)
        raise PermanentError(f"the webhook's address answered {status}")
