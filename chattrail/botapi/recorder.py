"""Records what an integration sees of a bot: updates that come in, and calls of the Bot API.

An integration makes an `UpdateContext` for each update, calls `arrive`, sets `chattrail.context.current_update` to it while
the handlers run, then calls `Tracker.settle` and sets its `ended`. After each call that Telegram has carried out it calls
`sent`, after one that it refused `failed`.
Nothing here raises or waits. What aiogram does comes by way of a tracker's backlog, when it has been done.
"""

from dataclasses import replace

from chattrail.botapi import answers, calls, updates
from chattrail.botapi.calls import Call, Sent
from chattrail.botapi.edits import Edit, Edits
from chattrail.botapi.memory import Key, KnownMessage, Memory, Query, message_key
from chattrail.botapi.messages import Arrived
from chattrail.botapi.methods import METHODS
from chattrail.botapi.money import price
from chattrail.botapi.reading import chat_number, get, now, telegrams_time
from chattrail.botapi.returned import message_of
from chattrail.clock import nanoseconds
from chattrail.context import (
    BotAccount,
    Chat,
    Details,
    EventTarget,
    Person,
    UpdateContext,
    with_inferred,
)
from chattrail.events import AiMessage, BotBlocked, BotUnblocked, HandlerFailed
from chattrail.tracker import Tracker

_BLOCKED = "bot was blocked by the user"


class Recorder:
    """What one tracker records of its bots."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.memory = Memory()
        self.edits = Edits(self._record_edit, lambda edit: self._hold(edit, 1))
        tracker.at_end(self.edits.flush_all)

    def arrive(self, context: UpdateContext, update_id: int, kind: str, found: object) -> bool:
        """Fill in an update's context, and record its event when it settles; tell whether there is one that waits.

        `kind` is the name of the update's field that is set, `found` its value.
        """
        try:
            bot = context.bot
            assert bot is not None
            arrived = updates.read(kind, found, bot, self.memory)
            context.update_id, context.user, context.chat = update_id, arrived.person, arrived.chat
            at = telegrams_time(found)
            context.kind, context.at, context.dated = kind, nanoseconds(at or now()), at is not None
            context.message_id, context.place = arrived.message_id, arrived.place
            again = self._before(bot, arrived, kind, found)
            for event, number_ in arrived.besides if arrived.person is not None else ():
                self.edits.flush(message_key(bot.id, arrived.chat, number_, arrived.place))
                target = EventTarget(message_id=number_, place=arrived.place)
                self.tracker.record(event, target, context, own=True)
            if arrived.event is None or again:
                return False
            self.tracker.arrive(arrived.event, context)
            return True
        except Exception as error:
            self.tracker.lost("instrumentation", error)
            return False

    def sent(
        self,
        bot: BotAccount,
        method: str,
        given: object,
        result: object,
        context: UpdateContext | None,
        details: Details | None,
    ) -> None:
        """Record a call that Telegram has carried out.

        `context` is the update's in which it was made, if any; `details` those of the block that ran then, which may be over.
        """
        try:
            for one in self.read(bot, method, given, result, context, details):
                self.record(bot, one, context, details)
        except Exception as error:
            self.tracker.lost("instrumentation", error)

    def read(
        self,
        bot: BotAccount,
        method: str,
        given: object,
        result: object,
        context: UpdateContext | None,
        details: Details | None,
    ) -> list[Sent]:
        """Return what a call is, for `record`."""
        rule = METHODS.get(method)
        if rule is None or rule.read is None:
            return []
        if rule.read is calls.sent:
            self._streamed(context)
        return list(rule.read(Call(method, given, result, bot, self.memory, with_inferred(details, context), context)))

    def returned(
        self,
        bot: BotAccount,
        method: str,
        given: object,
        context: UpdateContext | None,
        details: Details | None = None,
    ) -> list[Sent]:
        """Return what a call is whose result is never seen: it leaves inside the response to a webhook."""
        return self.read(bot, method, given, message_of(method, given, bot, context), context, details)

    def record(
        self, bot: BotAccount, sent: Sent, context: UpdateContext | None, details: Details | None = None
    ) -> None:
        """Record what a call is; an edit waits for those that follow it."""
        target = _target(sent, bot, context)
        if target.user is None and target.chat is None:
            return  # an inline message of nobody known
        if target.user is None and context is not None:  # to a chat that is not the person's: in nobody's trail
            target, context = replace(target, update_id=context.update_id), None
        if sent.edited is not None and sent.key is not None:
            # Of the details it is asked when the edits are over: instrumentation adds to them when a model's answer ends.
            self.edits.add(sent.key, Edit(sent.edited, target, context, details, sent.at))
        elif sent.event is not None:
            self.edits.flush(sent.key)
            self.tracker.record(sent.event, target, context, timestamp=sent.at)

    def failed(self, bot: BotAccount, given: object, error: object, context: UpdateContext | None) -> None:
        """Record that the person has blocked the bot, when that is why Telegram refused a call. `error` is what it said."""
        try:
            chat_id = chat_number(get(given, "chat_id"))
            if chat_id is None or chat_id <= 0 or _BLOCKED not in str(error).lower():
                return
            if not self.memory.blocked.get((bot.id, chat_id)):
                self.memory.blocked.put((bot.id, chat_id), True)
                if context is not None and (context.user is None or context.user.id != chat_id):
                    context = None  # of another's update, such as a command to broadcast
                self.record(bot, Sent(BotBlocked(), Person(chat_id), Chat(chat_id), at=now()), context)
        except Exception as failure:
            self.tracker.lost("instrumentation", failure)

    def handler_failed(self, failure: HandlerFailed, context: UpdateContext) -> None:
        """Record that an exception reached the dispatcher."""
        self.tracker.record(failure, EventTarget(), context, timestamp=now())

    def _before(self, bot: BotAccount, arrived: Arrived, kind: str, found: object) -> bool:
        """Keep what later calls are about, and record edits of the message that the update is about.

        Tell whether it says again that the person has blocked the bot.
        """
        again = False
        self.edits.flush(message_key(bot.id, arrived.chat, arrived.message_id, arrived.place))
        if arrived.person is not None:
            key = (bot.id, int(arrived.person.id))
            if isinstance(arrived.event, BotBlocked):
                again = bool(self.memory.blocked.get(key))
                self.memory.blocked.put(key, True)
            elif isinstance(arrived.event, BotUnblocked) or (kind == "message" and arrived.chat == Chat(key[1])):
                self.memory.blocked.pop(key)
        waits = _QUERIES.get(kind)
        asked = None if waits is None else get(found, waits[1])
        if waits is not None and asked is not None and arrived.person is not None:
            target = EventTarget(arrived.person, arrived.chat, place=arrived.place)
            cost = {}
            if kind == "pre_checkout_query":
                cost = {
                    "plan": get(found, "invoice_payload"),
                    **price(get(found, "total_amount"), get(found, "currency")),
                }
            self.memory.queries.put((bot.id, waits[0], asked), Query(target, cost))
        return again

    def _streamed(self, context: UpdateContext | None) -> None:
        """Record the edits by which an answer came before another message is sent, which would be taken for the answer."""
        inferred = None if context is None else context.inferred
        if inferred is not None and not inferred.used:
            self.edits.flush_those(lambda edit: edit.update is context and edit.last >= inferred.began)

    def _hold(self, edit: Edit, change: int) -> None:
        if edit.target.user is not None:  # the others are plain logs, which have no numbers
            self.tracker.sequence.hold(change)

    def _record_edit(self, key: Key, edit: Edit) -> None:
        try:
            self._hold(edit, -1)
            known = self.memory.messages.get(key)
            event = answers.edited_event(edit.fields, _details_of(edit), answered=known is not None and known.ai)
            span = round((edit.last - edit.first) * 1000, 1)
            event = replace(event, edits=edit.count, edit_span_ms=span)  # type: ignore[call-arg]
            ai = isinstance(event, AiMessage) or (known is not None and known.ai)
            fields = edit.fields if known is None else known.fields | edit.fields
            self.memory.messages.put(key, KnownMessage(fields, edit.target.user, edit.target.chat, ai))
            self.tracker.record(event, edit.target, edit.update, timestamp=edit.at)
        except Exception as error:
            self.tracker.lost("instrumentation", error)


# Which of them wait for the bot's answer: as what, and by which field it names them.
_QUERIES = {
    "callback_query": ("press", "id"),
    "pre_checkout_query": ("payment", "id"),
    "guest_message": ("guest", "guest_query_id"),
}


def recorder_of(tracker: Tracker) -> Recorder:
    """Return the recorder of a tracker: one for all of its bots, however often it is asked for."""
    found = tracker.kept.get(Recorder)
    if not isinstance(found, Recorder):
        found = tracker.kept[Recorder] = Recorder(tracker)
    return found


def _details_of(edit: Edit) -> Details | None:
    """Return what is known of an edit: what the bot has said, and what a model did meanwhile or before, not after it."""
    inferred = None if edit.update is None else edit.update.inferred
    return edit.details if inferred is None or edit.last < inferred.began else with_inferred(edit.details, edit.update)


def _target(sent: Sent, bot: BotAccount, context: UpdateContext | None) -> EventTarget:
    """Return the target of a message. Without a person it is the chat's: a scheduled post to a group, say."""
    user, chat = sent.person, sent.chat
    if context is not None and context.user is not None:
        same_chat = context.chat is not None and chat is not None and context.chat.id == chat.id
        if (user is None and same_chat) or (user is not None and str(user.id) == str(context.user.id)):
            user = context.user
    return EventTarget(user, chat, message_id=sent.message_id, bot=bot, place=sent.place)
