"""A business account that the bot manages: its owner and customers write to one another, and the bot sees it."""

from stack.simulators.telegram.business import BusinessChat, BusinessConnection
from stack.simulators.telegram.person import Person
from stack.simulators.telegram.person_messages import PersonMessages
from stack.simulators.telegram.state import State
from stack.simulators.telegram.wire import Json


class CustomerChat(PersonMessages):
    """A customer's side of the chat with the account; `owner_says` is the other side when the owner types himself."""

    def owner_says(self, text: str) -> int:
        """Let the owner answer without the bot. Returns the message id."""
        chat = self.chat
        assert isinstance(chat, BusinessChat)
        return int(self._state.from_person(chat, {"text": text}, chat.bot_sender)["message_id"])

    def delete(self, *message_ids: int) -> None:
        """Let either side delete messages: of business chats the bot is told."""
        for message_id in message_ids:
            self._state.delete(self.chat, message_id)
        gone: Json = {"business_connection_id": self.chat.message_fields["business_connection_id"]}
        gone |= {"chat": self.chat.as_json, "message_ids": list(message_ids)}
        self._state.updates.put("deleted_business_messages", gone)


class BusinessAccount:
    """One connected account. Made by `TelegramServer.business_account`."""

    def __init__(self, state: State, connection: BusinessConnection) -> None:
        self._state, self._connection = state, connection
        self.id = connection.id

    def chat_with(self, customer: Person) -> CustomerChat:
        """Return the account's chat with a customer; the first call begins it."""
        chats = self._connection.chats
        if customer.id not in chats:
            chats[customer.id] = BusinessChat(
                customer.user, self._connection, self._state.bot, self._state.new_record()
            )
        return CustomerChat(self._state, chats[customer.id])

    def disconnect(self) -> None:
        """Let the owner end the connection."""
        self._connection.enabled = False
        self._state.updates.put("business_connection", self._connection.as_json)
