"""Identifiers that sort by the time they were made: UUIDv7 (RFC 9562)."""

import os
import time
from uuid import UUID, uuid4

from chattrail.forks import after_fork_in_child


def uuid7() -> UUID:
    """Return a new UUIDv7: milliseconds, then a fraction of the millisecond (RFC 9562, 6.2, method 3), then chance."""
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = (rest << 12) // 1_000_000
    chance = int.from_bytes(os.urandom(8), "big") & (2**62 - 1)
    return UUID(int=(milliseconds & (2**48 - 1)) << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | chance)


class InstanceId:
    """Called, gives the `service.instance.id` of this process: another one in every forked child."""

    def __init__(self) -> None:
        self._renew()
        after_fork_in_child(self._renew)

    def __call__(self) -> str:
        """Return it."""
        return self._value

    def _renew(self) -> None:
        self._value = str(uuid4())
