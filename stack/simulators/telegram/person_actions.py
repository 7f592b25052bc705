"""What a person does besides writing: reactions, votes, inline queries, joining and boosting, stopping an answer."""

import secrets
from collections.abc import Sequence

from stack.simulators.telegram.chat_observer import ChatObserver
from stack.simulators.telegram.inline_messages import message_of
from stack.simulators.telegram.reactions import reaction, words
from stack.simulators.telegram.wire import Json

BOOST_SECONDS = 30 * 24 * 3600


class PersonActions(ChatObserver):
    """Actions of a person that are no messages."""

    async def react(self, message_id: int, *emoji: str) -> None:
        """React to a message; no emoji takes the reaction back. The bot is told if it asked for such updates."""
        if message_id not in self.chat.messages:
            raise LookupError(f"no message {message_id} in sight")
        key, new = (message_id, self.id), [reaction(one) for one in emoji]
        old = self.chat.reactions.get(key, [])
        self.chat.reactions[key] = new
        if self.chat.record is not None:
            self.chat.record.reacted("person", message_id, words(new))
        change: Json = {
            "chat": self.chat.as_json,
            "message_id": message_id,
            "user": self.user,
            "date": self._state.now(),
        }
        self._state.updates.put("message_reaction", {**change, "old_reaction": old, "new_reaction": new})

    async def vote(self, message_id: int, *options: int) -> None:
        """Choose options of a poll, by their numbers from 0; none takes the vote back.

        The bot learns who voted of its own polls that are not anonymous, and the sums of all its polls.
        """
        message = self.chat.messages[message_id]
        poll = self._state.polls.of(message)
        poll.vote(self.id, options)
        self.chat.messages[message_id] = message | {"poll": poll.as_json}
        if self.chat.record is not None:
            self.chat.record.voted(self.id, message_id, poll.votes.get(self.id, ()))
        if message["from"]["id"] != self._state.bot["id"]:
            return
        if not poll.is_anonymous:
            ids = [poll.persistent_id(option) for option in options]
            answer = {"poll_id": poll.id, "user": self.user, "option_ids": list(options), "option_persistent_ids": ids}
            self._state.updates.put("poll_answer", answer)
        self._state.updates.put("poll", poll.as_json)

    async def ask_inline(self, query: str) -> str:
        """Type `@bot query` in some chat. Returns the query's id."""
        query_id = self._state.inline.ask({"query": query})
        self._state.updates.put("inline_query", {"id": query_id, "from": self.user, "query": query, "offset": ""})
        return query_id

    async def results(self, query_id: str) -> Sequence[Json]:
        """Wait for the bot's answer to an inline query."""
        await self._until(lambda: query_id in self._state.inline.results, 10.0, "an answer to an inline query")
        return self._state.inline.results[query_id]

    async def choose(self, query_id: str, result_id: str, query: str = "") -> str:
        """Send a result. Returns the id by which the bot can edit the message, if it has a keyboard, else ''."""
        result = next(one for one in self._state.inline.results[query_id] if one["id"] == result_id)
        message_id = self._state.inline.add(message_of(result)) if result.get("reply_markup") else ""
        chosen: Json = {"result_id": result_id, "from": self.user, "query": query}
        self._state.updates.put(
            "chosen_inline_result", chosen | ({"inline_message_id": message_id} if message_id else {})
        )
        return message_id

    def inline_text(self, inline_message_id: str) -> str:
        """Return what an inline message says now."""
        return str(self._state.inline.messages[inline_message_id].get("text", ""))

    async def stop_generation(self, draft_id: int) -> None:
        """Stop the answer that the bot streams as a draft."""
        del self.chat.drafts[draft_id]
        self._state.updates.put("stopped_message_generation", {"chat": self.chat.as_json, "draft_id": draft_id})

    async def ask_to_join(self, chat: ChatObserver, bio: str = "") -> None:
        """Ask to join a group that lets nobody in unasked."""
        chat.chat.join_requests.add(self.id)
        request: Json = {
            "chat": chat.chat.as_json,
            "from": self.user,
            "user_chat_id": self.id,
            "date": self._state.now(),
        }
        self._state.updates.put("chat_join_request", request | ({"bio": bio} if bio else {}))

    async def boost(self, chat: ChatObserver) -> str:
        """Boost a group. Returns the boost's id."""
        now, boost_id = self._state.now(), secrets.token_hex(8)
        boost: Json = {
            "boost_id": boost_id,
            "add_date": now,
            "expiration_date": now + BOOST_SECONDS,
            "source": self._source,
        }
        self._state.updates.put("chat_boost", {"chat": chat.chat.as_json, "boost": boost})
        return boost_id

    async def remove_boost(self, chat: ChatObserver, boost_id: str) -> None:
        """Take a boost back."""
        removed: Json = {"boost_id": boost_id, "remove_date": self._state.now(), "source": self._source}
        self._state.updates.put("removed_chat_boost", {"chat": chat.chat.as_json, **removed})

    @property
    def _source(self) -> Json:
        return {"source": "premium", "user": self.user}
