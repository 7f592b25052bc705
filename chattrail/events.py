"""The registry of events: one frozen dataclass for each type, every field tied to its OpenTelemetry attribute.

An event travels as a LogRecord named `chattrail.<type>`; a field that is None is not sent. docs/events.md is generated
from this module, and a test fails when the two differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from chattrail.custom import Custom
from chattrail.event import CHAT_PREFIX, PREFIX, Attribute, Event, attribute, attributes_of
from chattrail.message_events import (
    AiMessage,
    BotMessage,
    MessageDeleted,
    MessageEdited,
    PollAction,
    Reaction,
    UserMessage,
)

__all__ = [
    "CHAT_PREFIX",
    "COMMON",
    "EVENT_TYPES",
    "PREFIX",
    "RESOURCE",
    "AiMessage",
    "Attribute",
    "BotBlocked",
    "BotMessage",
    "BotUnblocked",
    "ChatAction",
    "ChatCleared",
    "ChatContinued",
    "Command",
    "Custom",
    "Event",
    "HandlerFailed",
    "ImageGenerated",
    "ImageRefresh",
    "MessageDeleted",
    "MessageEdited",
    "PersonaSelected",
    "PollAction",
    "PremiumAction",
    "Reaction",
    "StartCommand",
    "StorySelected",
    "UserMessage",
    "attributes_of",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class StartCommand(Event):
    """The person opened the bot with /start."""

    type = "start_command"
    when = "/start"
    payload: str | None = attribute("chattrail.start.payload", "What the deep link carried.", "summer_ad")
    returning: bool | None = attribute("chattrail.start.returning", "Whether the bot knew the person already.", True)


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageGenerated(Event):
    """An image was made and sent, or could not be made (`error_type`). One of url, file_id, data says where it is."""

    type = "image_generated"
    when = "an image was made and sent, or making it failed"
    shown = ("image_id", "error_type")
    image_id: str | None = attribute("chattrail.image.id", "Names the image.", "AQADx7oxG4u")
    url: str | None = attribute("chattrail.image.url", "Where it can be fetched over https.", "https://cdn.example/p")
    file_id: str | None = attribute("chattrail.image.file_id", "Telegram's file_id.", "AgACAgIAAxkDAAIB")
    data: bytes | None = attribute("chattrail.image.data", "The image itself, at most 8 MiB.", b"\x89PNG")
    content_type: str | None = attribute("chattrail.image.content_type", "Its media type.", "image/png")
    prompt: str | None = attribute("chattrail.image.prompt", "What was asked of the model.", "a fox", private=True)
    duration_ms: float | None = attribute("chattrail.image.duration_ms", "How long it took to make, in ms.", 8200.0)
    error_type: str | None = attribute("error.type", "Why there is no image.", "content_policy")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageRefresh(Event):
    """The person asked for another image."""

    type = "image_refresh"
    when = "the person asks for another image"
    shown = ("image_id",)
    image_id: str | None = attribute("chattrail.image.id", "The image that is being replaced.", "AQADx7oxG4u")


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonaSelected(Event):
    """The person chose whom to talk to. Later events of the person carry this persona."""

    type = "persona_selected"
    when = "the person chooses a persona"
    shown = ("persona_id",)
    persona_id: str | None = attribute("chattrail.persona.id", "Names the persona.", "luna")
    name: str | None = attribute("chattrail.persona.name", "Its name as the person reads it.", "Luna")


@dataclass(frozen=True, kw_only=True, slots=True)
class StorySelected(Event):
    """The person chose a story. Later events of the person carry this story."""

    type = "story_selected"
    when = "the person chooses a story"
    shown = ("story_id",)
    story_id: str | None = attribute("chattrail.story.id", "Names the story.", "lighthouse")
    name: str | None = attribute("chattrail.story.name", "Its name as the person reads it.", "The lighthouse")


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatCleared(Event):
    """The person had the chat forgotten."""

    type = "chat_cleared"
    when = "the person clears the chat (/clear)"
    messages: int | None = attribute("chattrail.chat.messages", "How many messages were forgotten.", 42)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatContinued(Event):
    """The person came back to an earlier chat."""

    type = "chat_continued"
    when = "the person comes back to an earlier chat"
    idle_s: float | None = attribute("chattrail.chat.idle_s", "How long the chat had rested, in seconds.", 86400.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class PremiumAction(Event):
    """A step of a purchase."""

    type = "premium_action"
    when = (
        "premium is offered, an invoice is sent, paid, refused or refunded, a subscription changes, or premium expires"
    )
    shown = ("action", "plan")
    action: str | None = attribute(
        "chattrail.premium.action",
        "offered, invoice_sent, paid, refused, refunded, cancelled, resumed, expired.",
        "paid",
    )
    plan: str | None = attribute("chattrail.premium.plan", "What is bought.", "month")
    amount: float | None = attribute("chattrail.premium.amount", "The price, in units of the currency.", 250.0)
    currency: str | None = attribute("chattrail.premium.currency", "ISO 4217 code, or XTR for Stars.", "XTR")
    minor_units: int | None = attribute(
        "chattrail.premium.minor_units", "The price in the currency's smallest units, as Telegram counts.", 250
    )
    subscription: str | None = attribute(
        "chattrail.premium.subscription", "Of a subscription's payment: first or renewal.", "renewal"
    )
    until: int | None = attribute("chattrail.premium.until", "When the subscription ends, in Unix seconds.", 1767225600)
    reason: str | None = attribute("chattrail.premium.reason", "Why a payment was refused.", "sold out", private=True)
    charge_id: str | None = attribute("chattrail.premium.charge_id", "Telegram's id of the payment.", "stxK7p")


@dataclass(frozen=True, kw_only=True, slots=True)
class Command(Event):
    """The person sent a command other than /start."""

    type = "command"
    when = "the person sends any other command"
    shown = ("name",)
    name: str | None = attribute("chattrail.command.name", "The command without its slash.", "help")
    arguments: str | None = attribute(
        "chattrail.command.arguments", "What was written behind it.", "a red fox", private=True
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class BotBlocked(Event):
    """The person blocked the bot."""

    type = "bot_blocked"
    when = "the person blocks the bot, or a message to them fails because they have"


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
    error_type: str | None = attribute("error.type", "The exception's class.", "KeyError")
    message: str | None = attribute("exception.message", "What the exception says.", "'persona'", private=True)
    handler: str | None = attribute("chattrail.handler", "The handler that raised it.", "bot.handlers.chat.on_text")


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatAction(Event):
    """Something in a chat that is neither a message nor a purchase."""

    type = "chat_action"
    when = "the person asks to join a chat, boosts one, or stops an answer while it is written"
    shown = ("action",)
    action: str | None = attribute(
        "chattrail.chat.action", "join_requested, boosted, boost_removed, generation_stopped and so on.", "boosted"
    )


_ALL: tuple[type[Event], ...] = (
    StartCommand, UserMessage, BotMessage, AiMessage, MessageEdited, MessageDeleted, Reaction, PollAction, ImageGenerated,
    ImageRefresh, PersonaSelected, StorySelected, ChatCleared, ChatContinued, ChatAction, PremiumAction, Command, Custom,
    BotBlocked, BotUnblocked, HandlerFailed,
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
    Attribute("telegram.message.reply_to_id", "The message it replies to, in the same chat.", 41),
    Attribute("telegram.message.thread_id", "The forum topic or thread.", 7),
    Attribute("telegram.message.media_group_id", "The album that it is a part of.", "13871563412345"),
    Attribute(
        "telegram.business_connection.id", "The business account's connection, of a chat of that account.", "bc1"
    ),
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
