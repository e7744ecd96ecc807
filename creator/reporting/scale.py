"""Where ratings lie in a drawing."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from creator.outcome import RatedIdea


@dataclass(frozen=True)
class Scale:
    """Where a rating lies between the lowest and the highest that are drawn."""

    low: float
    high: float

    @classmethod
    def of(cls, places: Iterable[RatedIdea]) -> Scale:
        """The scale that all of these ratings and their intervals fit."""
        ends = [end for place in places for end in (place.low, place.rating, place.high) if math.isfinite(end)]
        return cls(min(ends, default=1_400), max(ends, default=1_600))

    def at(self, rating: float) -> str:
        """The place in the drawing, with room for the dots at both ends."""
        width = self.high - self.low
        share = (rating - self.low) / width if width > 0 and math.isfinite(rating) else 0.5
        return f"{2 + 96 * min(max(share, 0), 1):.1f}%"

    @property
    def middle(self) -> bool:
        """Whether there is room to write beside the mean."""
        return 15 < float(self.at(1_500).rstrip("%")) < 85
