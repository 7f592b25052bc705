"""Waiting for an event, but not for ever; and for the end of tasks."""

import asyncio
from contextlib import suppress
from typing import Any


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait until the event is set, at most this long; return whether it is."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until they have ended, however they do."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
