"""How fast the host serves a client that may be hostile."""

from __future__ import annotations

import asyncio
import time

LONGEST_WAIT = 1.0
"""Seconds that one message is held up at most; what waits takes memory too."""


class Pace:
    """A token bucket. It outlives the connections of its client, so that connecting again gains nothing.

    Args:
        rate: Tokens a second in the long run.
        burst: Tokens that can be saved up.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = self._tokens = burst
        self._refilled = time.monotonic()

    async def take(self, tokens: float = 1.0) -> None:
        """Take so many tokens; wait for them when there are none."""
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._refilled) * self._rate)
        self._refilled = now
        self._tokens = max(self._tokens - tokens, -self._burst)
        if self._tokens < 0:
            await asyncio.sleep(min(-self._tokens / self._rate, LONGEST_WAIT))
