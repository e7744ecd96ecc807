"""How long a run will still take, from what was done so far.

The time of a run is divided among its phases by what each stretch of it ended with: the seconds between two things
that were finished count for the latter. So phases that go on side by side, and all wait for the same model, are not
counted twice. What is left of each phase then takes as long as what was done of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Phase = Literal["births", "ideas", "judging"]

BASIS: Final = 3
"""Things of a phase that have to be done before anything is said of the rest."""
MEMORY: Final = 20
"""Things of a phase that its pace is told from; what is older counts less and less."""
SMOOTHING: Final = 8.0
"""Seconds in which what is shown comes about two thirds nearer to what is known."""
HOLD: Final = 4.0
"""Seconds for which the words stay the same at least."""
_MINUTE: Final = 60
_HALF_HOUR: Final = 1_800


@dataclass(frozen=True)
class Remaining:
    """What is left of a run.

    Attributes:
        low: Seconds, at least.
        high: Seconds, at most in all likelihood; None while there is a phase of which nothing is known yet.
    """

    low: float
    high: float | None


@dataclass
class _Pace:
    done: int = 0
    seconds: float = 0.0
    """What one thing takes."""

    def learn(self, seconds: float, things: int) -> None:
        for _ in range(min(things, MEMORY)):
            self.done += 1
            self.seconds += (seconds / things - self.seconds) / min(self.done, MEMORY)

    @property
    def error(self) -> float:
        """How far the pace may be off, as a part of it: that of a mean of so many."""
        return 1 / math.sqrt(min(self.done, MEMORY))


class Estimator:
    """Knows the pace of each phase.

    Args:
        now: Seconds on any clock that goes forward; all other times are of the same one.
    """

    def __init__(self, now: float) -> None:
        self._last = now
        self._paces: dict[Phase, _Pace] = {}

    def note(self, phase: Phase, now: float, things: int = 1) -> None:
        """So many things of a phase are done now, more than before."""
        if things > 0:
            self._paces.setdefault(phase, _Pace()).learn(max(now - self._last, 0.0), things)
            self._last = max(now, self._last)

    def remaining(self, left: Mapping[Phase, int | None], now: float) -> Remaining | None:
        """What is left of the run.

        Args:
            left: By phase how many things are still to do; None where that is not known yet.
            now: The time.

        Returns:
            None when nothing can be said.
        """
        low = high = 0.0
        known, whole = False, True
        for phase, things in left.items():
            pace = self._paces.get(phase)
            if things == 0:
                continue
            if things is None or pace is None or pace.done < BASIS:
                whole = False
                continue
            known = True
            low += things * pace.seconds / (1 + pace.error)
            high += things * pace.seconds * (1 + pace.error)
        if not known:
            return None
        waited = max(now - self._last, 0.0)
        # Whoever has waited for so long may have to wait for as long again.
        return Remaining(max(low - waited, 0.0), max(high - waited, waited) if whole else None)


class Countdown:
    """What is left in words that don't jump: ``about 2 to 3 minutes to go``."""

    def __init__(self) -> None:
        self._ends: tuple[float, float | None] | None = None
        """When the run will end, as it is shown."""
        self._seen = 0.0
        self._words = ""
        self._said = -math.inf

    def words(self, remaining: Remaining | None, now: float) -> str:
        """What to show now; empty when there is nothing to say.

        Args:
            remaining: What is known.
            now: The time in seconds; never less than the last one.
        """
        if remaining is None:
            self._ends, self._words, self._said = None, "", -math.inf
            return ""
        share = 1 - math.exp(-(now - self._seen) / SMOOTHING)
        before, before_high = self._ends or (None, None)
        low = _nearer(before, now + remaining.low, share)
        high = None if remaining.high is None else _nearer(before_high, now + remaining.high, share)
        self._ends, self._seen = (low, high), now
        words = in_words(max(low - now, 0.0), None if high is None else max(high - now, 0.0))
        if words != self._words and now - self._said >= HOLD:
            self._words, self._said = words, now
        return self._words


def _nearer(before: float | None, end: float, share: float) -> float:
    return end if before is None else before + share * (end - before)


def in_words(low: float, high: float | None) -> str:
    """A span of seconds as people say it; the upper end is None when nothing is known of it."""
    unit = _MINUTE if max(low, high or 0.0) < 100 * _MINUTE else _HALF_HOUR
    least = round(low / unit)
    if high is None:
        return f"at least {_number(least, unit)} {_name(least, unit)} to go" if least else ""
    if high < _MINUTE:
        return "less than a minute to go"
    most = max(1, round(high / unit))
    end = f"{_number(most, unit)} {_name(most, unit)} to go"
    if least >= most:
        return f"about {end}"
    return f"about {_number(least, unit)} to {end}" if least else f"up to {end}"


def _number(units: int, unit: int) -> str:
    return str(units) if unit == _MINUTE else f"{units / 2:g}"


def _name(units: int, unit: int) -> str:
    if unit == _MINUTE:
        return "minute" if units == 1 else "minutes"
    return "hour" if units == 2 else "hours"
