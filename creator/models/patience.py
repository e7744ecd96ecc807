"""How long one call is tried again: by what is wrong with the server."""

from __future__ import annotations

import random
from typing import Final

from creator.errors import RetryableModelError, Trouble
from creator.models.pace import Clock

TRIES: Final = 8
OVERLOADED_SECONDS: Final = 240.0
"""A call's tries on a server that says it is overloaded: less than an agent is waited for, so that the reason shows."""
UNREACHABLE_SECONDS: Final = 120.0
"""A server that is started again may have to load its model first."""
MAX_WAIT: Final = 20.0
MAX_UNREACHABLE_WAIT: Final = 5.0

_FIRST_WAIT: Final = 0.2
_JITTER: Final = 0.3


class Patience:
    """With one call.

    A server's mistakes are counted. One that is overloaded or not there gets a time instead: what counts is when it is
    back, and not how often somebody asked.

    Args:
        clock: Whose time counts.
        tries: How many mistakes end it.
        overloaded: Seconds for a server that is overloaded.
        unreachable: Seconds for a server that is not there.

    Attributes:
        over: Whether the call is given up.
        wait: Seconds until the next try.
    """

    def __init__(
        self,
        clock: Clock,
        tries: int = TRIES,
        overloaded: float = OVERLOADED_SECONDS,
        unreachable: float = UNREACHABLE_SECONDS,
    ) -> None:
        self.over = False
        self.wait = 0.0
        self._clock = clock
        self._tries = tries
        self._seconds = {"overloaded": overloaded, "unreachable": unreachable}
        self._counts: dict[Trouble, int] = {}
        self._since: dict[Trouble, float] = {}

    def failed(self, error: RetryableModelError) -> None:
        """A try failed."""
        trouble = error.trouble
        count = self._counts[trouble] = self._counts.get(trouble, 0) + 1
        now = self._clock.now()
        if trouble == "fault":
            self.over = count >= self._tries
        else:
            self.over = now - self._since.setdefault(trouble, now) >= self._seconds[trouble]
        if trouble == "overloaded":
            self.wait = 0.0  # all calls wait together, and in order: that is the pace's business
            return
        longest = MAX_WAIT if trouble == "fault" else MAX_UNREACHABLE_WAIT
        wait = min(_FIRST_WAIT * 2 ** min(count - 1, 10), longest) + random.uniform(0, _JITTER)
        self.wait = max(wait, min(error.retry_after or 0.0, MAX_WAIT))
