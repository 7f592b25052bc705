"""One call of a plugin within a time limit, and how it failed."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from common.error_location import error_location
from sidecar.errors import PermanentError, RetryableError, StartError


@dataclass(frozen=True, slots=True)
class Failure:
    """`outcome` is retryable, permanent, timeout or error; `reason` holds no contents; `after` is in seconds."""

    outcome: str
    reason: str
    after: float = 1.0
    location: str = ""

    def __str__(self) -> str:
        """Return the reason for a log, with where an unforeseen exception was raised."""
        return f"{self.reason} at {self.location}" if self.location else self.reason


async def attempt(call: Callable[[], Awaitable[None]], time_limit_s: float | None) -> Failure | None:
    """Await a call; None when it succeeded. Only cancellation is raised."""
    try:
        async with asyncio.timeout(time_limit_s):
            await call()
    except (PermanentError, StartError) as error:
        return Failure("permanent", str(error))
    except RetryableError as error:
        return Failure("retryable", error.reason, error.after)
    except TimeoutError:
        limit = "" if time_limit_s is None else f" within {time_limit_s:g} s"
        return Failure("timeout", f"no answer{limit}")
    except Exception as error:  # its text may hold a DSN or contents of events
        return Failure("error", f"unexpected {type(error).__name__}", location=error_location(error))
    return None
