"""The models of a search over what everybody wrote."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Side = Literal["person", "bot"]


@dataclass(frozen=True, slots=True)
class FoundText:
    """One text: a message, an edit of one, the prompt of a picture. `id` and `type` are its event's, `side` says who wrote it.

    `name` and `username` are the person's whose chat it is in, '' when never sent.
    """

    id: str
    type: str
    at: datetime
    side: Side
    client_id: str
    name: str
    username: str
    bot: str
    text: str


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of what was found, the newest first. `words` is what was looked for.

    `complete_from`: of texts before it some may be missing yet, None when all are there. `next_cursor` is None at the end.
    """

    texts: tuple[FoundText, ...]
    words: tuple[str, ...]
    complete_from: datetime | None
    next_cursor: str | None
