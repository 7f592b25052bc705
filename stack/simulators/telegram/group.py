"""A group that the bot is in: people write to it, and so do senders that are no people."""

from stack.simulators.telegram.chat_observer import ChatObserver
from stack.simulators.telegram.chats import Chat
from stack.simulators.telegram.entities import typed_entities
from stack.simulators.telegram.person import Person
from stack.simulators.telegram.record import ChatRecord
from stack.simulators.telegram.wire import Json

# The accounts that `from` has where no person is the sender (https://core.telegram.org/bots/api#message).
TELEGRAM: Json = {"id": 777000, "is_bot": False, "first_name": "Telegram"}
ANONYMOUS_ADMIN: Json = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
CHANNEL_BOT: Json = {"id": 136817688, "is_bot": True, "first_name": "Channel", "username": "Channel_Bot"}


class GroupChat(Chat):
    """A supergroup."""

    def __init__(self, chat_id: int, title: str, record: ChatRecord | None = None) -> None:
        super().__init__({"id": chat_id}, record)
        self.title = title
        self.started = True

    @property
    def as_json(self) -> Json:
        """The Chat object of the wire."""
        return {
            "id": self.id,
            "title": self.title,
            "type": "supergroup",
            **({"is_forum": True} if self.threads else {}),
        }


class Group(ChatObserver):
    """One group of the simulated Telegram. Made by `TelegramServer.group`."""

    def say(
        self,
        person: Person,
        text: str,
        *,
        reply_to: int | None = None,
        thread: int | None = None,
        seen_by_bot_only: bool = False,
    ) -> int:
        """Let a person write a text or a command, or an ephemeral command. Returns the message id."""
        extra: Json = {}
        if reply_to is not None:
            extra["reply_to_message"] = self.chat.messages[reply_to]
        if thread is not None:
            extra |= {"message_thread_id": thread, "is_topic_message": True}
        if seen_by_bot_only:
            extra |= {"message_id": 0, "receiver_user": self._state.bot, "ephemeral_message_id": 1}
        return self._post(person.user, text, extra)

    def press(self, person: Person, label_or_data: str) -> str:
        """Let a person press the newest such button. Returns the query's id."""
        for button in self.buttons:
            if label_or_data in {button.text, button.data} and button.data is not None:
                return self._state.press(self.chat, self.chat.messages[button.message_id], button.data, person.user)
        raise LookupError(f"no button {label_or_data!r} in sight")

    def ask_guest(self, person: Person, text: str) -> str:
        """Let a person call the bot into a chat that it is no member of. Returns the guest query's id."""
        message: Json = {"message_id": self._state.message_id(), "from": person.user, "chat": self.chat.as_json}
        message |= {"date": self._state.now(), "text": text}
        query_id = self._state.inline.ask(message)
        self._state.updates.put("guest_message", {**message, "guest_query_id": query_id})
        return query_id

    def forward_from_channel(self, channel: Json, text: str) -> int:
        """Let Telegram forward a post of the linked channel."""
        extra: Json = {"sender_chat": channel, "is_automatic_forward": True}
        extra["forward_origin"] = {"type": "channel", "chat": channel, "message_id": 1, "date": self._state.now()}
        return self._post(TELEGRAM, text, extra)

    def say_anonymously(self, text: str) -> int:
        """Let an admin write as the group."""
        return self._post(ANONYMOUS_ADMIN, text, {"sender_chat": self.chat.as_json})

    def say_as_channel(self, channel: Json, text: str) -> int:
        """Let somebody write as a channel."""
        return self._post(CHANNEL_BOT, text, {"sender_chat": channel})

    def _post(self, sender: Json, text: str, extra: Json | None = None) -> int:
        self._from_here = self.chat.position
        entities = typed_entities(text)
        content: Json = {"text": text, **({"entities": entities} if entities else {}), **(extra or {})}
        return int(self._state.from_person(self.chat, content, sender)["message_id"])
