"""The events that are messages, and what happens to messages: edits, deletions, reactions, polls.

Which message it is stands in attributes of every event (`telegram.message.id` and the like), and so do the file and image
of a person's or the bot's own message.
"""

from dataclasses import dataclass

from chattrail.event import Event, attribute


@dataclass(frozen=True, kw_only=True, slots=True)
class Message(Event):
    """What messages of both sides have. An image has an `image_id`, every other file a `file_unique_id`."""

    text: str | None = attribute("chattrail.message.text", "The text, caption or label.", "Hello!", private=True)
    kind: str | None = attribute(
        "chattrail.message.kind", "text, photo, voice, button and so on.", "text", default="text"
    )
    length: int | None = attribute("chattrail.message.length", "Length of the text, in characters.", 6)
    entities: str | None = attribute(
        "chattrail.message.entities",
        "Its formatting: Telegram's MessageEntity objects as JSON; offsets count UTF-16 units.",
        '[{"type":"bold","offset":0,"length":5}]',
        private=True,
    )
    data: str | None = attribute(
        "chattrail.message.data",
        "What the kind has besides, as JSON: a place, poll, gift.",
        '{"value":6}',
        private=True,
    )
    image_id: str | None = attribute("chattrail.image.id", "Names the image.", "AQADx7oxG4u")
    image_file_id: str | None = attribute("chattrail.image.file_id", "Telegram's file_id.", "AgACAgIAAxkDAAIB")
    file_id: str | None = attribute("chattrail.file.id", "Telegram's file_id of another file.", "BQACAgIAAxkBAAIC")
    file_unique_id: str | None = attribute("chattrail.file.unique_id", "Names the file.", "AgADyQADu3l5")
    file_name: str | None = attribute("chattrail.file.name", "Its name.", "tax.pdf", private=True)
    content_type: str | None = attribute("chattrail.file.content_type", "Its media type.", "application/pdf")
    file_size: int | None = attribute("chattrail.file.size", "Its size, in bytes.", 48_211)
    file_duration_s: float | None = attribute("chattrail.file.duration_s", "How long it plays, in seconds.", 3.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class UserMessage(Message):
    """The person said something: a text, or a photo, a voice message, a sticker, the press of a button."""

    type = "user_message"
    when = "the person sends a text, a photo, a voice message, a sticker, or presses a button"
    shown = ("kind",)


@dataclass(frozen=True, kw_only=True, slots=True)
class BotMessage(Message):
    """The bot sent something that is no AI answer: a menu, a sticker, a copied message, the alert of a button."""

    type = "bot_message"
    when = "the bot sends a message that it does not say to be an AI answer"
    shown = ("kind",)
    edits: int | None = attribute("chattrail.edit.count", "How many drafts came before it; None: none.", 14)
    edit_span_ms: float | None = attribute(
        "chattrail.edit.span_ms", "From the first of them to the last, in ms.", 2750.0
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class AiMessage(Event):
    """The bot answered by a model, or failed to (`error_type`)."""

    type = "ai_message"
    when = (
        "the bot sends an AI answer: it says so by `details`, GenAI instrumentation is there, or it tracks an AiMessage"
    )
    shown = ("response_model", "error_type")
    text: str | None = attribute("chattrail.message.text", "The answer as the person reads it.", "Hi.", private=True)
    length: int | None = attribute("chattrail.message.length", "Length of the text, in characters.", 3)
    entities: str | None = attribute("chattrail.message.entities", "Its formatting, as JSON.", "[]", private=True)
    provider: str | None = attribute("gen_ai.provider.name", "Who runs the model.", "openai")
    request_model: str | None = attribute("gen_ai.request.model", "The model that was asked for.", "gpt-5-mini")
    response_model: str | None = attribute("gen_ai.response.model", "The model that answered.", "gpt-5-mini-2026")
    input_tokens: int | None = attribute("gen_ai.usage.input_tokens", "Tokens of the prompt.", 812)
    output_tokens: int | None = attribute("gen_ai.usage.output_tokens", "Tokens of the answer.", 64)
    duration_ms: float | None = attribute("chattrail.ai.duration_ms", "How long the model took, in ms.", 1240.5)
    error_type: str | None = attribute("error.type", "Why there was no proper answer.", "timeout")
    edits: int | None = attribute("chattrail.edit.count", "How many edits brought the text; None: it was sent so.", 14)
    edit_span_ms: float | None = attribute(
        "chattrail.edit.span_ms", "From the first of them to the last, in ms.", 2750.0
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageEdited(Event):
    """A message has another text, caption or medium. Edits within a few seconds are one event, of the last one's time."""

    type = "message_edited"
    when = "a message of the person or the bot is edited"
    shown = ("side", "kind")
    side: str | None = attribute("chattrail.side", "Whose message it is: person or bot.", "bot", default="bot")
    text: str | None = attribute("chattrail.message.text", "The text as it is now.", "Hello!", private=True)
    kind: str | None = attribute("chattrail.message.kind", "text, photo and so on, as it is now.", "text")
    length: int | None = attribute("chattrail.message.length", "Length of the text, in characters.", 6)
    entities: str | None = attribute("chattrail.message.entities", "Its formatting, as JSON.", "[]", private=True)
    image_id: str | None = attribute("chattrail.image.id", "Names the image that it shows now.", "AQADx7oxG4u")
    image_file_id: str | None = attribute("chattrail.image.file_id", "Telegram's file_id.", "AgACAgIAAxkDAAIB")
    edits: int | None = attribute("chattrail.edit.count", "How many edits it stands for.", 14)
    edit_span_ms: float | None = attribute(
        "chattrail.edit.span_ms", "From the first of them to the last, in ms.", 2750.0
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageDeleted(Event):
    """A message is gone. Telegram does not say when people delete theirs, but for business chats."""

    type = "message_deleted"
    when = "the bot deletes a message, or a message of a business chat is deleted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reaction(Event):
    """The reactions of one side to a message, as they are now; none: they were taken back."""

    type = "reaction"
    when = "the person or the bot reacts to a message"
    shown = ("side", "emoji")
    side: str | None = attribute("chattrail.side", "Who reacts: person or bot.", "person", default="person")
    emoji: str | None = attribute(
        "chattrail.reaction.emoji", "Emoji, custom:<id> or paid, separated by spaces; empty: taken back.", "👍"
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class PollAction(Event):
    """The person voted in a poll that the bot sent, or took the vote back; or the bot closed it."""

    type = "poll"
    when = "the person votes in a poll or quiz, or the bot closes it"
    shown = ("action",)
    action: str | None = attribute("chattrail.poll.action", "voted, retracted, closed.", "voted")
    poll_id: str | None = attribute("chattrail.poll.id", "Telegram's id of the poll.", "5231442121")
    options: str | None = attribute("chattrail.poll.options", "The chosen options' numbers from 0.", "0 2")
    text: str | None = attribute(
        "chattrail.message.text", "The chosen options' texts, where the bot sent them lately.", "Red", private=True
    )
    correct: bool | None = attribute("chattrail.poll.correct", "Whether a quiz was answered right, where known.", True)
