"""The registry of events: one frozen dataclass for each type, every field tied to its OpenTelemetry attribute.

An event travels as a LogRecord named `chattrail.<type>`; a field that is None is not sent. docs/events.md is generated
from this module, and a test fails when the two differ.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, ClassVar

PREFIX = "chattrail."
CHAT_PREFIX = "chattrail_chat."  # of what is about a chat and no person: no event, but a log record like any other


@dataclass(frozen=True, slots=True)
class Attribute:
    """What docs/events.md says about an attribute; `private` ones are left out when message texts are switched off."""

    name: str
    description: str
    example: object
    private: bool = False


def _attribute(name: str, description: str, example: object, *, private: bool = False, default: object = None) -> Any:
    return field(default=default, metadata={"attribute": Attribute(name, description, example, private)})


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Base of all events. `type` is the name without its prefix, `when` the moment that it stands for."""

    type: ClassVar[str]
    when: ClassVar[str]
    shown: ClassVar[tuple[str, ...]] = ()  # fields that may stand in the record's body, so never a private one

    def values(self) -> Iterator[tuple[Attribute, object]]:
        """Yield the attributes that are set, in the order of the fields."""
        for name, attribute in attributes_of(type(self)).items():
            value = getattr(self, name)
            if value is not None:
                yield attribute, value


_attributes: dict[type[Event], Mapping[str, Attribute]] = {}


def attributes_of(event: type[Event]) -> Mapping[str, Attribute]:
    """Map each field of a type of event to its attribute."""
    known = _attributes.get(event)
    if known is None:
        known = MappingProxyType({item.name: item.metadata["attribute"] for item in fields(event)})
        _attributes[event] = known
    return known


@dataclass(frozen=True, kw_only=True, slots=True)
class StartCommand(Event):
    """The person opened the bot with /start."""

    type = "start_command"
    when = "/start"
    payload: str | None = _attribute("chattrail.start.payload", "What the deep link carried.", "summer_ad")
    returning: bool | None = _attribute("chattrail.start.returning", "Whether the bot knew the person already.", True)


@dataclass(frozen=True, kw_only=True, slots=True)
class UserMessage(Event):
    """The person said something: a text, or a photo, a voice message, a sticker, the press of a button."""

    type = "user_message"
    when = "the person sends a text, a photo, a voice message, a sticker, or presses a button"
    shown = ("kind",)
    text: str | None = _attribute(
        "chattrail.message.text", "The text, caption or button's label.", "Hello!", private=True
    )
    kind: str | None = _attribute(
        "chattrail.message.kind", "text, photo, voice, button and so on.", "text", default="text"
    )
    length: int | None = _attribute("chattrail.message.length", "Length of the text, in characters.", 6)


@dataclass(frozen=True, kw_only=True, slots=True)
class AiMessage(Event):
    """The bot answered, or failed to (`error_type`)."""

    type = "ai_message"
    when = "the bot sends a text or a caption"
    shown = ("response_model", "error_type")
    text: str | None = _attribute("chattrail.message.text", "The answer as the person reads it.", "Hi.", private=True)
    length: int | None = _attribute("chattrail.message.length", "Length of the text, in characters.", 3)
    provider: str | None = _attribute("gen_ai.provider.name", "Who runs the model.", "openai")
    request_model: str | None = _attribute("gen_ai.request.model", "The model that was asked for.", "gpt-5-mini")
    response_model: str | None = _attribute("gen_ai.response.model", "The model that answered.", "gpt-5-mini-2026")
    input_tokens: int | None = _attribute("gen_ai.usage.input_tokens", "Tokens of the prompt.", 812)
    output_tokens: int | None = _attribute("gen_ai.usage.output_tokens", "Tokens of the answer.", 64)
    duration_ms: float | None = _attribute("chattrail.ai.duration_ms", "How long the model took, in ms.", 1240.5)
    error_type: str | None = _attribute("error.type", "Why there was no proper answer.", "timeout")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageGenerated(Event):
    """An image was made and sent, or could not be made (`error_type`). One of url, file_id, data says where it is."""

    type = "image_generated"
    when = "an image was made and sent, or making it failed"
    shown = ("image_id", "error_type")
    image_id: str | None = _attribute("chattrail.image.id", "Names the image.", "AQADx7oxG4u")
    url: str | None = _attribute("chattrail.image.url", "Where it can be fetched over https.", "https://cdn.example/p")
    file_id: str | None = _attribute("chattrail.image.file_id", "Telegram's file_id.", "AgACAgIAAxkDAAIB")
    data: bytes | None = _attribute("chattrail.image.data", "The image itself, at most 8 MiB.", b"\x89PNG")
    content_type: str | None = _attribute("chattrail.image.content_type", "Its media type.", "image/png")
    prompt: str | None = _attribute("chattrail.image.prompt", "What was asked of the model.", "a fox", private=True)
    duration_ms: float | None = _attribute("chattrail.image.duration_ms", "How long it took to make, in ms.", 8200.0)
    error_type: str | None = _attribute("error.type", "Why there is no image.", "content_policy")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageRefresh(Event):
    """The person asked for another image."""

    type = "image_refresh"
    when = "the person asks for another image"
    shown = ("image_id",)
    image_id: str | None = _attribute("chattrail.image.id", "The image that is being replaced.", "AQADx7oxG4u")


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonaSelected(Event):
    """The person chose whom to talk to. Later events of the person carry this persona."""

    type = "persona_selected"
    when = "the person chooses a persona"
    shown = ("persona_id",)
    persona_id: str | None = _attribute("chattrail.persona.id", "Names the persona.", "luna")
    name: str | None = _attribute("chattrail.persona.name", "Its name as the person reads it.", "Luna")


@dataclass(frozen=True, kw_only=True, slots=True)
class StorySelected(Event):
    """The person chose a story. Later events of the person carry this story."""

    type = "story_selected"
    when = "the person chooses a story"
    shown = ("story_id",)
    story_id: str | None = _attribute("chattrail.story.id", "Names the story.", "lighthouse")
    name: str | None = _attribute("chattrail.story.name", "Its name as the person reads it.", "The lighthouse")


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatCleared(Event):
    """The person had the chat forgotten."""

    type = "chat_cleared"
    when = "the person clears the chat (/clear)"
    messages: int | None = _attribute("chattrail.chat.messages", "How many messages were forgotten.", 42)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatContinued(Event):
    """The person came back to an earlier chat."""

    type = "chat_continued"
    when = "the person comes back to an earlier chat"
    idle_s: float | None = _attribute("chattrail.chat.idle_s", "How long the chat had rested, in seconds.", 86400.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class PremiumAction(Event):
    """A step of a purchase."""

    type = "premium_action"
    when = "premium is offered, an invoice is sent, paid or refunded, or premium expires"
    shown = ("action", "plan")
    action: str | None = _attribute(
        "chattrail.premium.action", "offered, invoice_sent, paid, refunded, expired.", "paid"
    )
    plan: str | None = _attribute("chattrail.premium.plan", "What is bought.", "month")
    amount: float | None = _attribute("chattrail.premium.amount", "The price, in units of the currency.", 250.0)
    currency: str | None = _attribute("chattrail.premium.currency", "ISO 4217 code, or XTR for Stars.", "XTR")
    charge_id: str | None = _attribute("chattrail.premium.charge_id", "Telegram's id of the payment.", "stxK7p")


@dataclass(frozen=True, kw_only=True, slots=True)
class Command(Event):
    """The person sent a command other than /start."""

    type = "command"
    when = "the person sends any other command"
    shown = ("name",)
    name: str | None = _attribute("chattrail.command.name", "The command without its slash.", "help")
    arguments: str | None = _attribute(
        "chattrail.command.arguments", "What was written behind it.", "a red fox", private=True
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class BotBlocked(Event):
    """The person blocked the bot."""

    type = "bot_blocked"
    when = "the person blocks the bot"


@dataclass(frozen=True, kw_only=True, slots=True)
class BotUnblocked(Event):
    """The person unblocked the bot."""

    type = "bot_unblocked"
    when = "the person unblocks the bot"


@dataclass(frozen=True, kw_only=True, slots=True)
class HandlerFailed(Event):
    """An exception reached the dispatcher."""

    type = "handler_failed"
    when = "an exception reaches the dispatcher"
    shown = ("error_type", "handler")
    error_type: str | None = _attribute("error.type", "The exception's class.", "KeyError")
    message: str | None = _attribute("exception.message", "What the exception says.", "'persona'", private=True)
    handler: str | None = _attribute("chattrail.handler", "The handler that raised it.", "bot.handlers.chat.on_text")


_ALL: tuple[type[Event], ...] = (
    StartCommand, UserMessage, AiMessage, ImageGenerated, ImageRefresh, PersonaSelected, StorySelected, ChatCleared,
    ChatContinued, PremiumAction, Command, BotBlocked, BotUnblocked, HandlerFailed,
)  # fmt: skip
EVENT_TYPES: Mapping[str, type[Event]] = MappingProxyType({event.type: event for event in _ALL})

COMMON: tuple[Attribute, ...] = (
    Attribute(
        "event.id",
        "Names the event: follows from bot and update, else a UUIDv7.",
        "019b2f0e-5f5c-7b1c-9d5e-3a9d2c9b7f10",
    ),
    Attribute("event.sequence", "Counts the process's events from 1; a gap is a loss.", 17),
    Attribute("user.id", "Telegram's id as text, or its HMAC; `handler_failed` alone may have none.", "1001"),
    Attribute("user.hash", "The HMAC again, only when ids are hashed.", "5f2b…"),
    Attribute("session.id", "The session; 30 minutes without an event end it.", "019b2f0e-5f5c-7a70-8c1e-77f1b5b6a001"),
    Attribute("telegram.bot.id", "The bot's account.", 42),
    Attribute("telegram.bot.username", "Its name, once Telegram has said it.", "persona_demo_bot"),
    Attribute("telegram.chat.id", "The chat; not sent for private chats when ids are hashed.", 1001),
    Attribute("telegram.chat.type", "private, group, supergroup or channel.", "private"),
    Attribute("telegram.update.id", "The update in whose handling it happened.", 734512),
    Attribute("telegram.message.id", "The message it is, or is about.", 42),
    Attribute("telegram.user.username", "Not sent when ids are hashed.", "ann"),
    Attribute("telegram.user.name", "First and last name; not sent when ids are hashed.", "Ann Lee"),
    Attribute("telegram.user.language_code", "The language of the person's app.", "en"),
    Attribute("telegram.user.is_premium", "Whether the person has Telegram Premium.", False),
    Attribute("chattrail.persona.id", "The persona the person talks to.", "luna"),
    Attribute("chattrail.story.id", "The story they are in.", "lighthouse"),
    Attribute("chattrail.dropped.queue_full", "Events lost to a full queue so far; on some events, once any is.", 3),
    Attribute("chattrail.dropped.refused", "The same for events that the collector refused.", 1),
    Attribute("chattrail.dropped.failed", "The same for events that no record could be made of.", 1),
)
RESOURCE: tuple[Attribute, ...] = (
    Attribute("service.name", "The bot: the argument of `create_tracker`.", "persona-bot"),
    Attribute("service.instance.id", "The process: a new UUID at each start and in each forked child.", "6ce511d2-…"),
    Attribute("service.version", "The bot's version.", "1.4.0"),
    Attribute("deployment.environment.name", "Where it runs.", "production"),
)
