"""A tracker at hand, people to talk of, and a way to be inside an update."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from chattrail import Chat, Person
from chattrail.context import UpdateContext, current_update
from tests.support.recording import Recording

ANN = Person(1001, username="ann", name="Ann Lee", language_code="en", is_premium=True)
BOB = Person(1002)
HOME = Chat(1001)


class Bench(Recording):
    """A recording that can pretend an update is being handled."""

    @contextmanager
    def during(self, context: UpdateContext) -> Iterator[None]:
        """Run a block as the handling of an update."""
        token = current_update.set(context)
        try:
            yield
        finally:
            current_update.reset(token)


class Breaking:
    """Not a person."""

    @property
    def id(self) -> NoReturn:
        raise RuntimeError("secret words")
