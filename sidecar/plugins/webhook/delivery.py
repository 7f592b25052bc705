"""The webhook: chosen events leave as signed POST requests, in order, one at a time, as JSON that the same events make again."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import aiohttp
from yarl import URL

from chattrail.custom import PROPERTY
from chattrail.events import COMMON, EVENT_TYPES, attributes_of
from common.retry_after import asked_to_wait
from sidecar.errors import PermanentError, RetryableError
from sidecar.otlp.attributes import AttributeValue, Json, json_of
from sidecar.otlp.batch import Batch, EventRecord
from sidecar.plugin import Context
from sidecar.plugins.outbox import LONGEST_WAIT_S, Outbox
from sidecar.plugins.webhook.settings import WebhookSettings

EVENTS_IN_ONE = 100
SIGNATURE = "Chattrail-Signature"
DELIVERY = "Chattrail-Delivery"
RETRIED = frozenset({408, 425, 429})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SENT_ABOVE = frozenset({"event.id", "user.id"})
_OPEN = frozenset(
    attribute.name
    for attribute in (*COMMON, *(one for event in EVENT_TYPES.values() for one in attributes_of(event).values()))
    if not attribute.private
)


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
                status, after = response.status, asked_to_wait(response.headers) or 0.0
        except (aiohttp.ClientError, OSError) as error:
            raise RetryableError(f"the webhook's address can't be reached ({type(error).__name__})") from None
        if 200 <= status < 300:
            return
        if status in RETRIED or status >= 500:
            raise RetryableError(f"the webhook's address answered {status}", after=min(after, LONGEST_WAIT_S))
        raise PermanentError(f"the webhook's address answered {status}")


def bodies(events: list[EventRecord], *, message_text: bool) -> Iterator[bytes]:
    """Make the bodies that carry these events, each small enough for one request."""
    for first in range(0, len(events), EVENTS_IN_ONE):
        content = {"events": [_event(event, message_text) for event in events[first : first + EVENTS_IN_ONE]]}
        yield json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def delivery_id(body: bytes) -> str:
    """Name a delivery: attempts, and an event that came twice in the same company, have the same name."""
    return hashlib.sha256(body).hexdigest()[:32]


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return the header `t=<Unix seconds>,v1=<hex>`: HMAC-SHA256 over the time, a dot and the body."""
    signed = hmac.new(secret.encode(), b"%d." % timestamp + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={signed}"


def _event(event: EventRecord, message_text: bool) -> dict[str, Json]:
    # a name that the vocabulary does not know may hold anything: it counts as private
    attributes = {
        name: _plain(value)
        for name, value in event.attributes.items()
        if name not in _SENT_ABOVE and (message_text or _is_open(name, value)) and not isinstance(value, bytes)
    }
    return {
        "id": event.event_id,
        "type": event.type,
        "at": (_EPOCH + timedelta(microseconds=event.timestamp // 1000)).isoformat(timespec="microseconds"),
        "user_id": event.user_id,
        "service": _plain(event.resource.get("service.name")),
        "instance": _plain(event.resource.get("service.instance.id")),
        "attributes": attributes,
    }


def _is_open(name: str, value: AttributeValue) -> bool:
    return name in _OPEN or (name.startswith(PROPERTY) and isinstance(value, int | float))


def _plain(value: AttributeValue) -> Json:
    return json_of(value, lambda _: None)
