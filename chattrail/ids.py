"""Identifiers of RFC 9562: UUIDv7, which sort by the time they were made, and UUIDv5 and v8, which follow from what they name."""

import os
import time
from uuid import UUID, uuid4, uuid5

from chattrail.forks import after_fork_in_child

_NAMESPACE = UUID("bf179a22-600b-486c-8429-4cc316706074")


def uuid7() -> UUID:
    """Return a new UUIDv7: milliseconds, then a fraction of the millisecond (RFC 9562, 6.2, method 3), then chance."""
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = (rest << 12) // 1_000_000
    chance = int.from_bytes(os.urandom(8), "big") & (2**62 - 1)
    return UUID(int=(milliseconds & (2**48 - 1)) << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | chance)


def named_uuid(*parts: object) -> UUID:
    """Return the UUIDv5 of a name of several parts: the same in every process and at any time."""
    return uuid5(_NAMESPACE, "/".join(map(str, parts)))


def untimed_uuid(*parts: object) -> UUID:
    """Return the same as a UUIDv8, of our own making: of what has no time of its own, so that its time may differ."""
    return UUID(int=named_uuid(*parts).int & ~(0xF << 76) | 0x8 << 76)


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
