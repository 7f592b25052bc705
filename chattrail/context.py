"""Who and what an event is about: the person, the chat, and the Telegram update that is being handled now."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from chattrail.events import AiMessage, Event

_MEASURES = frozenset({"input_tokens", "output_tokens", "duration_ms"})  # of one answer


@dataclass(frozen=True, slots=True)
class Person:
    """A Telegram user. `id` is Telegram's numeric id."""

    id: int | str
    username: str | None = None
    name: str | None = None
    language_code: str | None = None
    is_premium: bool | None = None


@dataclass(frozen=True, slots=True)
class Chat:
    """A Telegram chat: private, group, supergroup or channel."""

    id: int
    type: str | None = "private"  # None where it is not known


@dataclass(frozen=True, slots=True)
class MessagePlace:
    """Where a message stands: which one it replies to, its topic, its album, the business account that it is of."""

    reply_to_id: int | None = None
    thread_id: int | None = None
    media_group_id: str | None = None
    business_connection_id: str | None = None


@dataclass(slots=True)
class Session:
    """A stretch of a person's events, by event time."""

    id: str
    first_ns: int
    last_ns: int


@dataclass(slots=True, eq=False)
class BotAccount:
    """The Telegram account of a bot. The username is None until Telegram has said it."""

    id: int
    username: str | None = None
    parse_mode: str | None = None  # of texts that say none, where the framework has one and does not fill it in


@dataclass(slots=True)
class UpdateContext:
    """What is known of the update that is being handled. Tasks that a handler starts share it until the update ends."""

    owner: object  # the tracker it belongs to: two bots in one process must not mix
    bot: BotAccount | None = None
    user: Person | None = None
    chat: Chat | None = None
    update_id: int | None = None
    kind: str | None = None  # which field of the update is set
    at: int = 0  # its time in ns: Telegram's where it has one, else that of its arrival; 0 when it is not known
    dated: bool = True  # whether it is Telegram's
    latest: int = 0  # that of the last event but those that the bot tracks
    message_id: int | None = None
    place: MessagePlace | None = None
    persona_id: str | None = None
    story_id: str | None = None
    session: "Session | None" = None  # the person's, once the update has an event
    tracked: dict[str, int] = field(default_factory=dict)  # how many events of each kind the bot tracked
    inferred: "Inferred | None" = None  # what spans say of model calls, once there was one
    pending: "Pending | None" = None
    failure: BaseException | None = None  # the one that is recorded, until the update ends
    holders: int = 1  # tasks and threads that handle it
    ended: bool = False
    is_owners: "Callable[[Event, UpdateContext], bool] | None" = None  # whether an event asks for an owner's figures
    unrecorded: bool = False  # so that and the answers are no events


@dataclass(slots=True)
class EventTarget:
    """Whom and what an event is about, as far as it is given. A `message_id` of 0 says that it is about no message."""

    user: Person | None = None
    chat: Chat | None = None
    update_id: int | None = None
    message_id: int | None = None
    persona_id: str | None = None
    story_id: str | None = None
    bot: BotAccount | None = None
    place: MessagePlace | None = None

    def within(self, context: UpdateContext | None) -> "EventTarget":
        """Fill what is missing from the update. Another person's event has neither its chat nor its message."""
        if context is None:
            return self
        bot = self.bot or context.bot
        update_id = context.update_id if self.update_id is None else self.update_id
        if self.user is not None and (context.user is None or str(self.user.id) != str(context.user.id)):
            return replace(self, bot=bot, update_id=update_id)
        same_chat = self.chat is None or context.chat is None or self.chat.id == context.chat.id
        return EventTarget(
            self.user or context.user,
            self.chat or context.chat,
            update_id,
            context.message_id if self.message_id is None and same_chat else self.message_id,
            context.persona_id if self.persona_id is None else self.persona_id,
            context.story_id if self.story_id is None else self.story_id,
            bot,
            self.place,
        )


@dataclass(slots=True, eq=False)
class Pending:
    """An incoming event that waits a moment for what the handler knows; its place in the order is already taken."""

    event: Event
    context: UpdateContext
    timestamp: int
    event_id: str
    sequence: int


@dataclass(slots=True)
class Details:
    """Fields that the next outgoing events take over. Measures belong to one event only, or sums would count twice."""

    fields: Mapping[str, object]
    used_by: set[str] = field(default_factory=set)
    ended: bool = False
    inferred: frozenset[str] = frozenset()  # the fields that nobody gave


@dataclass(slots=True)
class Inferred(Details):
    """Details that nobody gave: of the model calls since the last answer, for the next one alone."""

    calls: Sequence[Any] = ()
    began: float = 0.0  # when the last of them did, by the monotonic clock

    @property
    def used(self) -> bool:
        """Tell whether an answer has them."""
        return AiMessage.type in self.used_by


class _UsedByBoth(set[str]):
    """Notes the use of given and inferred details together."""

    def __init__(self, given: set[str], inferred: set[str]) -> None:
        super().__init__(inferred)
        self._both = (given, inferred)

    def add(self, kind: str) -> None:
        super().add(kind)
        for one in self._both:
            one.add(kind)


current_update: ContextVar[UpdateContext | None] = ContextVar("chattrail_update", default=None)
current_details: ContextVar[Details | None] = ContextVar("chattrail_details", default=None)


def running_update() -> UpdateContext | None:
    """Return the update that is being handled. A job that a handler scheduled keeps its context variables: it has none."""
    context = current_update.get()
    return None if context is None or context.ended else context


def running_update_of(tracker: object) -> UpdateContext | None:
    """Return the update that is being handled, when it is one of this tracker's."""
    context = running_update()
    return context if context is not None and context.owner is tracker else None


def running_details(context: UpdateContext | None = None) -> Details | None:
    """Return what is known of a message that the bot sends now, in an update: the details of the block, and inferred ones."""
    return with_inferred(_given_details(), context)


def with_inferred(given: Details | None, context: UpdateContext | None) -> Details | None:
    """Return details together with those that were inferred in an update, as long as no answer has them. What is given wins."""
    inferred = None if context is None else context.inferred
    if inferred is None or inferred.used:
        return given
    if given is None:
        return inferred
    fields = {name: value for name, value in given.fields.items() if value is not None}
    if AiMessage.type in given.used_by:
        fields = {name: value for name, value in fields.items() if name not in _MEASURES}
    used_by = _UsedByBoth(given.used_by, inferred.used_by)
    return Details({**inferred.fields, **fields}, used_by, inferred=inferred.inferred - fields.keys())


def _given_details() -> Details | None:
    """Return the details of the block that is running; None in a task that outlives it."""
    found = current_details.get()
    return None if found is None or found.ended else found


@contextmanager
def details(**fields: object) -> Iterator[None]:
    """Hold `fields` for the events that the instrumentation records inside the block; an inner block adds to an outer."""
    outer = _given_details()
    inner = Details({**(outer.fields if outer else {}), **fields})
    token = current_details.set(inner)
    try:
        yield
    finally:
        inner.ended = True
        with suppress(ValueError):  # an async generator may be closed in another context than it was entered in
            current_details.reset(token)
