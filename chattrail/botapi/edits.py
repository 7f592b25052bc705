"""Edits of a message that follow one another closely are one event: bots that stream an answer edit it again and again."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from datetime import datetime

from chattrail.botapi.content import Fields
from chattrail.botapi.memory import Key
from chattrail.clock import monotonic
from chattrail.context import Details, EventTarget, UpdateContext
from chattrail.forks import after_fork_in_child

QUIET_S, LONGEST_S = 2.0, 5.0  # recorded that long after the last edit, or after the first
CAPACITY = 1_000


@dataclass(slots=True)
class Edit:
    """What a message says after its edits, how many they are, and when they were."""

    fields: Fields
    target: EventTarget
    update: UpdateContext | None
    details: Details | None
    at: datetime | None
    first: float = 0.0
    last: float = 0.0
    count: int = 1
    context: Context = field(default_factory=copy_context)  # that of the last edit, for `before_send`

    @property
    def due(self) -> float:
        """When it is to be recorded."""
        return min(self.last + QUIET_S, self.first + LONGEST_S)


class Edits:
    """Holds edits until they are due. A thread waits for them while there are any: bots may have no event loop."""

    def __init__(
        self,
        record: Callable[[Key, Edit], None],
        wait: Callable[[Edit], None] = lambda _: None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`wait` is called with each edit that begins to wait, `record` with the last of those that follow it."""
        self._record = record
        self._wait = wait
        self._clock = clock
        after_fork_in_child(self._begin)
        self._begin()

    def _begin(self) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._waiting: OrderedDict[Key, Edit] = OrderedDict()
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, key: Key, edit: Edit) -> None:
        """Take over an edit, which replaces those before it that still wait."""
        with self._changed:
            edit.first = edit.last = self._clock()
            before = self._waiting.get(key)
            if before is not None and before.due <= edit.last:
                self.flush(key)
                before = None
            if before is not None:
                edit.first, edit.count = before.first, before.count + 1
                edit.details = edit.details or before.details
            else:
                self._wait(edit)
            self._waiting[key] = edit
            if len(self._waiting) > CAPACITY:
                self.flush(next(iter(self._waiting)))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="chattrail-edits", daemon=True)
                try:
                    self._thread.start()
                except RuntimeError:  # the interpreter ends, or the machine has no more threads
                    self._thread = None
                    self.flush(key)

    def flush(self, key: Key | None) -> None:
        """Record what waits of a message."""
        if key is None or key not in self._waiting:
            return
        with self._changed:  # while another thread records it, what comes next waits here
            edit = self._waiting.get(key)
            if edit is not None:
                try:
                    edit.context.run(self._record, key, edit)
                finally:
                    self._waiting.pop(key, None)
            if not self._waiting:
                self._changed.notify()

    def flush_those(self, wanted: Callable[[Edit], bool]) -> None:
        """Record the edits that are wanted now."""
        with self._changed:
            for key in [key for key, edit in self._waiting.items() if wanted(edit)]:
                self.flush(key)

    def flush_all(self) -> None:
        """Record all that waits."""
        with self._changed:
            for key in list(self._waiting):
                self.flush(key)

    def flush_due(self) -> float | None:
        """Record what is due, and return when the next is; None when nothing waits."""
        now = self._clock()
        for key in [key for key, edit in self._waiting.items() if edit.due <= now]:
            self.flush(key)
        return min((edit.due for edit in self._waiting.values()), default=None)

    def _run(self) -> None:
        with self._changed:
            while (due := self.flush_due()) is not None:
                self._changed.wait(max(due - self._clock(), 0.01))
            self._thread = None
