"""Records events: fills in what belongs to every event, makes it safe, and hands it to the sink.

Nothing here waits for a network or raises into the caller. Whatever goes wrong costs one event, which is counted.
"""

import atexit
import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from functools import partial
from types import TracebackType

from chattrail.backlog import Backlog
from chattrail.clock import nanoseconds, time_ns
from chattrail.compose import asked, compose
from chattrail.context import BotAccount, Chat, EventTarget, Pending, Person, UpdateContext, details, running_update_of
from chattrail.custom import InvalidEventError, PropertyValue, caller, check_arguments, event_of
from chattrail.events import Event, HandlerFailed, attributes_of
from chattrail.forks import after_fork_in_child
from chattrail.identity import incoming_id, tracked_id
from chattrail.ids import uuid7
from chattrail.privacy import Privacy
from chattrail.rate_limited_log import RateLimitedLog, error_location
from chattrail.record import BeforeSend, Counts, Record, Sink
from chattrail.sequence import Sequence
from chattrail.session import UserStates, remember_choice, session_of, with_choices

_log = RateLimitedLog(logging.getLogger("chattrail"))


class Tracker(AbstractContextManager["Tracker"]):
    """Turns events into records. Safe to use from several threads and tasks, and after a fork."""

    def __init__(
        self,
        sink: Sink,
        *,
        privacy: Privacy | None = None,
        before_send: BeforeSend | None = None,
        write_number: Callable[[int], None] | None = None,
    ) -> None:
        """`write_number` is called with the last number handed out; it neither waits nor raises."""
        self._sink = sink
        self._privacy = privacy or Privacy()
        self._before_send = before_send
        self._lock = threading.Lock()
        self.sequence = Sequence(write_number)
        self._withheld = 0
        # A `before_send` runs where the event is recorded, as it is documented.
        lost = partial(self.lost, "instrumentation")
        self.backlog = Backlog(self.sequence.hold, lost, at_once=before_send is not None)
        self._users = UserStates()
        self._pending: set[Pending] = set()
        self._bots: dict[int, BotAccount] = {}
        self._at_end: list[Callable[[], object]] = []
        self.kept: dict[type, object] = {}  # what instrumentations keep for this tracker
        atexit.register(self.shutdown)  # before the sink's own, which knows nothing of what waits here
        after_fork_in_child(self._begin_again)

    def track(
        self,
        event: Event | str,
        /,
        *,
        user: Person | None = None,
        chat: Chat | None = None,
        update_id: int | None = None,
        message_id: int | None = None,
        persona_id: str | None = None,
        story_id: str | None = None,
        timestamp: datetime | None = None,
        bot_id: int | None = None,
        **properties: PropertyValue | None,
    ) -> None:
        """Record an event, or one that has only a name and properties. Never raises, never waits.

        `track("quiz_finished", score=3, level="b1")` is a `Custom` event (docs/events.md); the arguments here are no properties.

        What is not given comes from the update that is being handled; an event about another person than the update's
        takes nothing but the update's id from it. After its update has ended, a task that a handler started has to say whom
        its events are about. `timestamp` is when it happened (naive means UTC); by default the time of the update, so that one
        that Telegram delivers again counts once, or now. `bot_id` says which bot it is about where one tracker has several,
        outside of their updates.
        """
        try:
            self.backlog.drain()
            check_arguments(user=(user, Person), chat=(chat, Chat))
            event = event_of(event, properties, _log)
        except InvalidEventError as error:
            self._lose("invalid")
            _log.warning("an event was left out: %s (%s)", error, caller())
            return
        except Exception as error:
            self.lost("internal", error)
            return
        bot = None if bot_id is None else self.bot(bot_id)
        target = EventTarget(user, chat, update_id, message_id, persona_id, story_id, bot)
        self.record(event, target, running_update_of(self), timestamp=timestamp, own=True)

    def annotate(self, *, persona_id: str | None = None, story_id: str | None = None, **fields: object) -> None:
        """Add what the handler knows about the current update.

        The persona and story go on every later event of the person ("" ends that); other `fields` go into the incoming
        event where it has them: `annotate(returning=True)` on /start. Do it before the first answer is sent.
        """
        try:
            context = running_update_of(self)
            if context is None:
                return
            self.backlog.drain()
            context.persona_id = persona_id if persona_id is not None else context.persona_id
            context.story_id = story_id if story_id is not None else context.story_id
            pending = context.pending
            if pending is not None:
                known = attributes_of(type(pending.event))
                pending.event = replace(pending.event, **{k: v for k, v in fields.items() if k in known})
        except Exception as error:
            _log.warning("an annotation was left out: %s", error_location(error))

    def details(self, **fields: object) -> AbstractContextManager[None]:
        """Give fields to the AiMessage and ImageGenerated that are recorded when the bot sends inside the block.

        `with tracker.details(request_model="m", duration_ms=812): await message.answer(text)`. Measures (tokens,
        duration, the image's id and address) go to the first event of a type only; names go to all of them.
        """
        return details(**fields)

    @property
    def emitted(self) -> int:
        """Events recorded so far, those that were dropped later included."""
        return self.counts().emitted

    @property
    def dropped(self) -> int:
        """Events that were lost: the queue was full, the collector refused them, the process ended."""
        return self.counts().dropped

    @property
    def withheld(self) -> int:
        """Events that `before_send` chose not to send. They take no sequence number, so they are no gap."""
        return self._withheld

    def counts(self) -> Counts:
        """Return one consistent look at all counters: emitted = exported + dropped + queued."""
        self.backlog.drain()
        return self._sink.counts()

    def flush(self, timeout: float = 30.0) -> bool:
        """Wait until every event is exported or dropped. For scripts; a handler has no reason to wait."""
        self._end()
        return self._sink.flush(timeout)

    def shutdown(self, timeout: float = 5.0) -> None:
        """Send what is queued and end within `timeout` seconds, come what may. What could not be sent is counted."""
        atexit.unregister(self.shutdown)
        self.backlog.drain()
        with self._lock:
            waiting = list(self._pending)
        for pending in waiting:
            self.settle(pending.context)
        self._end()
        self._sink.shutdown(timeout)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.shutdown()

    # For instrumentations.

    def bot(self, bot_id: int) -> BotAccount:
        """Return what is known of a bot; every event of it says so."""
        return self._bots.setdefault(bot_id, BotAccount(bot_id))

    def at_end(self, record: Callable[[], object]) -> None:
        """Have `record` called at a flush and at the end, to record what still waits."""
        self._at_end.append(record)

    def _end(self) -> None:
        self.backlog.drain()
        for record in self._at_end:
            record()
        self.backlog.drain()

    def arrive(self, event: Event, context: UpdateContext) -> None:
        """Take an incoming event's place in the order now, and record it when its update settles."""
        try:
            # Known on arrival: the bot may take longer until its owner's router sees the update than this event waits.
            if context.is_owners is not None and context.is_owners(event, context):
                context.unrecorded = True
                return
            event_id = incoming_id(event, context)
            number = self.sequence.next(in_order=True)
            pending = Pending(event, context, context.at or time_ns(), event_id, number)
            with self._lock:
                self._pending.add(pending)
            context.pending = pending
        except Exception as error:
            self.lost("internal", error)

    def settle(self, context: UpdateContext) -> None:
        """Record the update's incoming event as it is known by now. Does nothing the second time."""
        with self._lock:
            pending, context.pending = context.pending, None
            if pending is None or pending not in self._pending:
                return  # recorded already, or it is for the process that this one was forked from
            self._pending.discard(pending)
        target = EventTarget(place=context.place)
        self._emit(pending.event, target, context, pending.event_id, pending.timestamp, pending)

    def record(
        self,
        event: Event,
        target: EventTarget,
        context: UpdateContext | None,
        *,
        timestamp: datetime | None = None,
        own: bool = False,
    ) -> None:
        """Record an event. `own` says that the bot's code tracked it: it has the update's time unless it has one of its own.

        The others are not before the update, nor before one another, whatever the clocks of Telegram and this machine say.
        """
        if context is not None and context.unrecorded:
            return
        try:
            when = time_ns() if timestamp is None else nanoseconds(timestamp)
            event_id = None
            if context is not None:
                self.settle(context)
                if own:
                    event_id = tracked_id(event, context)
                    when = context.at if timestamp is None and context.at else when
                else:
                    when = context.latest = max(when, context.latest, context.at)
            self._emit(event, target, context, event_id or uuid7(), when)
        except Exception as error:
            self.lost("internal", error)

    def _emit(
        self,
        event: Event,
        target: EventTarget,
        context: UpdateContext | None,
        event_id: str,
        when: int,
        pending: Pending | None = None,
    ) -> None:
        try:
            target = self._of_bot(target.within(context))
            personal = target.user is not None or target.chat is None or isinstance(event, HandlerFailed)
            if target.user is None and target.chat is None and not isinstance(event, HandlerFailed):
                _log.warning("an event is no one's: outside of an update, track() needs user=Person(...)")
            their_own = context is not None and target.user == context.user
            if context is not None and their_own:
                remember_choice(event, context)
            user_id = None if target.user is None else self._privacy.user_id(target.user)
            session_id = None
            if user_id is not None:
                with self._lock:
                    state = self._users.of((None if target.bot is None else target.bot.id, user_id))
                    session_id = session_of(state, when, context if their_own else None).id
                    target = with_choices(event, target, state)
            kept_id = event_id if personal else None
            composed = compose(event, target, self._privacy, kept_id, user_id, session_id, when)
        except Exception as error:
            self.lost("internal", error, pending)
            return
        record: Record | None = composed
        if self._before_send is not None:
            try:
                record = asked(self._before_send, composed, kept_id)
            except Exception as error:
                self.lost("before_send", error, pending, numbered=kept_id is not None)
                return
        if record is None:
            with self._lock:
                self._withheld += 1
            if pending is not None:
                self.sequence.give_back(pending.sequence)
            return
        if kept_id is not None:
            record.attributes["event.sequence"] = self._number(pending)
        self._sink.emit(record)

    def _of_bot(self, target: EventTarget) -> EventTarget:
        if target.bot is None and len(self._bots) == 1:
            return replace(target, bot=next(iter(self._bots.values())))
        return target

    def _number(self, pending: Pending | None) -> int:
        return self.sequence.next() if pending is None else pending.sequence

    def lost(self, reason: str, error: Exception, pending: Pending | None = None, *, numbered: bool = True) -> None:
        """Count an event that could not be recorded, and log why without quoting it."""
        self._lose(reason, pending, numbered=numbered)
        _log.warning("an event was lost (%s): %s", reason, error_location(error))

    def _lose(self, reason: str, pending: Pending | None = None, *, numbered: bool = True) -> None:
        if numbered:
            self._number(pending)  # the gap in the sequence makes the loss visible downstream
        self._sink.lose(reason)

    def _begin_again(self) -> None:
        self._lock = threading.Lock()
        self.sequence.restart()
        self._withheld = 0
        self._pending.clear()
