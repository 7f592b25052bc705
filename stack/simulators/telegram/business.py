"""Business accounts: people whose chats with their customers a bot manages for them."""

from stack.simulators.telegram.chats import Chat
from stack.simulators.telegram.record import ChatRecord
from stack.simulators.telegram.wire import Json


class BusinessChat(Chat):
    """A chat of a business account with a customer. What the bot sends here is from the account."""

    update_kind = "business_message"

    def __init__(self, customer: Json, connection: "BusinessConnection", bot: Json, record: ChatRecord | None) -> None:
        super().__init__(customer, record)
        self.started = True
        self.bot_sender = connection.owner
        self.message_fields = {"business_connection_id": connection.id}
        self.bot_fields = {"sender_business_bot": bot}


class BusinessConnection:
    """The bot's connection to one account."""

    def __init__(self, connection_id: str, owner: Json, date: int) -> None:
        self.id, self.owner, self.date = connection_id, owner, date
        self.enabled = True
        self.chats: dict[int, BusinessChat] = {}

    @property
    def as_json(self) -> Json:
        """The BusinessConnection object of the wire."""
        rights = {
            "can_reply": True,
            "can_read_messages": True,
            "can_delete_sent_messages": True,
            "can_delete_all_messages": True,
        }
        who = {"user": self.owner, "user_chat_id": self.owner["id"]}
        return {
            "id": self.id,
            **who,
            "date": self.date,
            "rights": rights,
            "can_reply": True,
            "is_enabled": self.enabled,
        }
