"""Identifiers that sort by the time they were made: UUIDv7 (RFC 9562)."""

import os
import time
from uuid import UUID


def uuid7() -> UUID:
    """Return a new UUIDv7: milliseconds, then a fraction of the millisecond (RFC 9562, 6.2, method 3), then chance."""
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = (rest << 12) // 1_000_000
    chance = int.from_bytes(os.urandom(8), "big") & (2**62 - 1)
    return UUID(int=(milliseconds & (2**48 - 1)) << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | chance)
