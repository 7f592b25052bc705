"""A group that the bot is in: people write to it, and so do senders that are no people."""

from stack.simulators.telegram.chat_observer import ChatObserver
from stack.simulators.telegram.chats import Chat
from stack.simulators.telegram.entities import typed_entities
from stack.simulators.telegram.person import Person
from stack.simulators.telegram.wire import Json

# The accounts that `from` has where no person is the sender (https://core.telegram.org/bots/api#message).
TELEGRAM: Json = {"id": 777000, "is_bot": False, "first_name": "Telegram"}
ANONYMOUS_ADMIN: Json = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
CHANNEL_BOT: Json = {"id": 136817688, "is_bot": True, "first_name": "Channel", "username": "Channel_Bot"}


class GroupChat(Chat):
    """A supergroup."""

    def __init__(self, chat_id: int, title: str) -> None:
        super().__init__({"id": chat_id})
        self.title = title
        self.started = True

    @property
    def as_json(self) -> Json:
        """The Chat object of the wire."""
        return {"id": self.id, "title": self.title, "type": "supergroup"}


class Group(ChatObserver):
    """One group of the simulated Telegram. Made by `TelegramServer.group`."""

    def say(self, person: Person, text: str) -> int:
        """Let a person write a text or a command. Returns the message id."""
        return self._post(person.user, text)

    def forward_from_channel(self, channel: Json, text: str) -> int:
        """Let Telegram forward a post of the linked channel."""
        extra: Json = {"sender_chat": channel, "is_automatic_forward": True}
        extra["forward_origin"] = {"type": "channel", "chat": channel, "message_id": 1, "date": self._state.now()}
        return self._post(TELEGRAM, text, extra)

    def say_anonymously(self, text: str) -> int:
        """Let an admin write as the group."""
        return self._post(ANONYMOUS_ADMIN, text, {"sender_chat": self._chat.as_json})

    def say_as_channel(self, channel: Json, text: str) -> int:
        """Let somebody write as a channel."""
        return self._post(CHANNEL_BOT, text, {"sender_chat": channel})

    def _post(self, sender: Json, text: str, extra: Json | None = None) -> int:
        self._from_here = self._chat.position
        entities = typed_entities(text)
        content: Json = {"text": text, **({"entities": entities} if entities else {}), **(extra or {})}
        return int(self._state.from_person(self._chat, content, sender)["message_id"])
