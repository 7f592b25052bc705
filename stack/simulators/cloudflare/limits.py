"""The rate limit of Cloudflare's API: 1,200 requests in 5 minutes for a token, then nothing but 429 for 5 minutes.

Source: https://developers.cloudflare.com/fundamentals/api/reference/limits
"""

import math
from collections import deque
from collections.abc import Callable

from stack.simulators.cloudflare.wire import RefusedError

REQUESTS = 1200
PERIOD_S = 300.0


class RateLimit:
    """Counts in a sliding window, the strictest reading of the documentation. `refused` counts answers of 429."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._recent: deque[float] = deque()
        self._blocked_until = 0.0
        self.refused = 0

    def count(self) -> dict[str, str]:
        """Count one request and return the headers about the limit. Raises RefusedError with 429."""
        now = self._clock()
        while self._recent and self._recent[0] <= now - PERIOD_S:
            self._recent.popleft()
        if now < self._blocked_until:
            raise self._too_many(now)
        if len(self._recent) >= REQUESTS:
            self._blocked_until = now + PERIOD_S
            raise self._too_many(now)
        self._recent.append(now)
        left, resets = REQUESTS - len(self._recent), math.ceil(self._recent[0] + PERIOD_S - now)
        return {
            "Ratelimit": f'"default";r={left};t={resets}',
            "Ratelimit-Policy": f'"default";q={REQUESTS};w={PERIOD_S:.0f}',
        }

    def _too_many(self, now: float) -> RefusedError:
        self.refused += 1
        return RefusedError(971, headers={"Retry-After": str(math.ceil(self._blocked_until - now))})
