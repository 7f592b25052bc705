"""Pages that are written while they are sent: of any length, in bounded memory."""

from collections.abc import Iterator
from contextvars import copy_context


def in_context(pieces: Iterator[str]) -> Iterator[str]:
    """Make the pieces of a response within the request that they belong to.

    The rest of a long response is read by other threads than the one that handled the request (web/server/dispatch.py), which
    Flask's own `stream_with_context` does not follow.
    """
    context = copy_context()

    def made() -> Iterator[str]:
        while (piece := context.run(next, pieces, None)) is not None:
            yield piece

    return made()
