"""Cursors: an opaque, signed place in a list. One of another list, sort, filter or key is refused, never misread."""

import hashlib
import json
from collections.abc import Sequence

from itsdangerous import BadData, URLSafeSerializer

from web.analytics.queries import BadParameter

Place = str | int


class Cursors:
    """Seals and opens the cursors of one kind of list."""

    def __init__(self, secret_key: str, kind: str) -> None:
        self._serializer = URLSafeSerializer(secret_key, salt=f"chattrail.cursor.{kind}")

    def seal(self, binding: Sequence[object], place: Sequence[Place]) -> str:
        """A cursor for a place in the list that `binding` (its person, sort, order, filters) describes."""
        sealed = self._serializer.dumps([_digest(binding), list(place)])
        return sealed if isinstance(sealed, str) else sealed.decode()

    def open(self, binding: Sequence[object], cursor: str, kinds: Sequence[type]) -> list[Place]:
        """The place a cursor stands for. Raises BadParameter."""
        try:
            bound, place = self._serializer.loads(cursor)
        except (BadData, ValueError, TypeError):
            raise BadParameter("cursor", "was not made here; leave it out to begin at the first page") from None
        if bound != _digest(binding):
            raise BadParameter("cursor", "belongs to another list, sort or filter; leave it out to begin again")
        assert [type(part) for part in place] == list(kinds)  # it is signed, so it was sealed by this code
        return list(place)


def _digest(binding: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(list(binding)).encode()).hexdigest()[:16]
