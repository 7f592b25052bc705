"""Identifiers of RFC 9562: UUIDv7, which sort by the time they were made, and UUIDv5 and v8, which follow from what they name."""

import os
import time
from hashlib import sha1
from random import Random
from uuid import UUID, uuid4

from chattrail.forks import after_fork_in_child

_NAMESPACE = UUID("bf179a22-600b-486c-8429-4cc316706074").bytes
# A generator of its own, seeded by the system once: a program may seed Python's common one, and asking the system each time
# takes longer than all the rest of an id.
_random = Random()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)


def uuid7() -> str:
    """Return a new UUIDv7: milliseconds, then a fraction of the millisecond (RFC 9562, 6.2, method 3), then chance."""
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    chance = _random.getrandbits(62)
    return "%08x-%04x-7%03x-%04x-%012x" % (  # noqa: UP031 -- the quickest way to write it
        milliseconds >> 16 & 0xFFFFFFFF, milliseconds & 0xFFFF, (rest << 12) // 1_000_000,
        0x8000 | chance >> 48, chance & 0xFFFFFFFFFFFF,
    )  # fmt: skip


def named_uuid(*parts: object) -> str:
    """Return the UUIDv5 of a name of several parts: the same in every process and at any time."""
    return _text(_hash(parts), version=5)


def untimed_uuid(*parts: object) -> str:
    """Return the same as a UUIDv8, of our own making: of what has no time of its own, so that its time may differ."""
    return _text(_hash(parts), version=8)


def _hash(parts: tuple[object, ...]) -> int:
    name = "/".join(map(str, parts)).encode()
    return int.from_bytes(sha1(_NAMESPACE + name, usedforsecurity=False).digest()[:16], "big")


def _text(number: int, version: int) -> str:
    """Write an id: `uuid.UUID` would take as long as the rest."""
    digits = f"{number & ~(0xF << 76) & ~(0b11 << 62) | version << 76 | 0b10 << 62:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


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
