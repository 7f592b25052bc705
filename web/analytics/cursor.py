"""Cursors: an opaque, signed position in a list. A cursor of another list, sort, filter or key is refused."""

import hashlib
import json
from collections.abc import Sequence

from itsdangerous import BadData, URLSafeSerializer

from web.errors import ParameterError

Position = str | int


class Cursors:
    """Seals and opens the cursors of one kind of list."""

    def __init__(self, secret_key: str, kind: str) -> None:
        self._serializer = URLSafeSerializer(secret_key, salt=f"chattrail.cursor.{kind}")

    def seal(self, binding: Sequence[object], position: Sequence[Position]) -> str:
        """A cursor for a position in the list that `binding` (its person, sort, order, filters) describes."""
        return str(self._serializer.dumps([_digest(binding), list(position)]))

    def open(self, binding: Sequence[object], cursor: str, kinds: Sequence[type]) -> list[Position]:
        """The position a cursor stands for. Raises ParameterError."""
        try:
            bound, position = self._serializer.loads(cursor)
        except (BadData, ValueError, TypeError):
            raise ParameterError("cursor", "was not made here; leave it out to begin at the first page") from None
        if bound != _digest(binding):
            raise ParameterError("cursor", "belongs to another list, sort or filter; leave it out to begin again")
        assert [type(part) for part in position] == list(kinds)  # it is signed, so it was sealed by this code
        return list(position)


def _digest(binding: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(list(binding)).encode()).hexdigest()[:16]
