"""Messages that are no part of a chat of the bot: sent by inline queries, web apps and guest queries, edited by their id."""

import secrets

from stack.simulators.telegram.chats import Newest
from stack.simulators.telegram.wire import Json, Params, bad_request

KEPT_QUERIES = 5000


class InlineMessages:
    """Open queries, their answers, and the messages that people chose."""

    def __init__(self) -> None:
        self.open: Newest[str, Json] = Newest(KEPT_QUERIES)
        """Queries that the bot has not answered, by id: the inline query, or the message of a guest query."""
        self.results: Newest[str, list[Json]] = Newest(KEPT_QUERIES)
        """What the bot answered to inline queries."""
        self.messages: Newest[str, Json] = Newest()
        """The messages as they are now, by inline_message_id."""

    def ask(self, content: Json) -> str:
        """Keep a query. Returns its id."""
        query_id = str(secrets.randbits(62))
        self.open[query_id] = content
        return query_id

    def take(self, query_id: str | None) -> Json:
        """Return a query and close it. Raises the server's 400 for an unknown one."""
        found = self.open.pop(query_id or "", None)
        if found is None:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        return found

    def add(self, content: Json) -> str:
        """Keep a message. Returns its inline_message_id."""
        message_id = secrets.token_urlsafe(20)
        self.messages[message_id] = content
        return message_id

    def find(self, params: Params) -> Json:
        """Return the message that an edit names. Raises the server's 400."""
        message = self.messages.get(params.text("inline_message_id") or "")
        if message is None:
            raise bad_request("MESSAGE_ID_INVALID")
        return message


def message_of(result: Json) -> Json:
    """Return the content of the message that an inline query's result stands for."""
    given = result.get("input_message_content") or {}
    text = given.get("message_text") or result.get("caption") or result.get("title") or ""
    markup: Json = {"reply_markup": result["reply_markup"]} if result.get("reply_markup") else {}
    return {"text": text, **markup}
