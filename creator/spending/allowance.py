"""An allowance: one thing that a run may spend so much of, shared fairly among its agents.

Nothing is spent that was not held before, and no more is ever held and spent together than the limit.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from creator.spending.shares import COMMON, Shares
from sandbox.protocol import CREATOR

Answer = Literal["fits", "kept", "waits", "share", "limit"]
"""What can be said to somebody who wants to spend.

``fits``: go on. ``kept``: not now, as it is kept for others, or as its own calls under way may take all of its share.
``waits``: not now, as what is under way may take it. ``share``: never, its share is used up. ``limit``: never, the
limit is in the way, even if all that is under way cost nothing.
"""

EXPECTED: Final = 1 / 3
"""Which part of its bound a call is expected to cost before any has told."""
USUAL: Final = 2
"""A call is a usual one up to so many times the mean of all before it."""


class Allowance:
    """So much may be spent.

    Args:
        limit: In the smallest unit, such as tokens.
        shares: Whom something is kept for.
        spent: By account: what was spent already.
        usual: What one call is held at and costs, where that is known before; 0 where calls have to teach it.
    """

    def __init__(self, limit: int, shares: Shares, spent: Mapping[str, int] | None = None, usual: int = 0) -> None:
        self.limit = limit
        self.spent = sum((spent or {}).values())
        self.held = 0
        """What is under way may cost so much."""
        self._shares = shares
        self._spent = Counter(spent or {})
        self._held: Counter[str] = Counter()
        self._calls, self._bounds, self._costs = min(1, usual), usual, usual
        """What calls taught whose cost is known: how many, what was held for them, what they did cost."""
        self._kept: _Kept | None = None

    def look(self, account: str, most: int) -> Answer:
        """Whether somebody may spend up to ``most``; nothing is changed by it."""
        left = self.limit - self.spent
        now = left - self.held
        if account == CREATOR:  # what agents are born of is a part of what they need
            return "fits" if most <= now else "waits" if most <= left else "limit"
        if account in COMMON:
            if most <= now - self._kept_for_awaited().now:
                return "fits"
            if self._shares.awaited:
                return "kept"
            return "waits" if most <= left else "limit"
        return self._look_for_agent(account, most, left, now)

    def _look_for_agent(self, account: str, most: int, left: int, now: int) -> Answer:
        kept = self._kept_for_awaited()
        awaited = account in self._shares.names
        own = kept.share - self._spent[account] if awaited else 0.0
        held = self._held[account]
        later = self._shares.later * kept.share
        others = kept.now - (max(0.0, own - held) if awaited else 0.0) + later
        others_settled = kept.settled - (max(0.0, own) if awaited else 0.0) + later
        may_go_over = awaited and self._may_go_over(account, most, own, kept.settled + later <= left)
        entitled = most <= own or may_go_over
        if most > left:
            return "limit" if entitled or not others_settled else "share"
        if most <= own - held or most <= now - others or (may_go_over and not held):
            return "fits" if most <= now else "waits"
        return "kept" if entitled or most <= left - others_settled else "share"

    def _may_go_over(self, account: str, most: int, own: float, covered: bool) -> bool:
        """Whether one call, with nothing else of the agent's under way, may be held beyond what is left of its share.

        Args:
            account: The agent's.
            most: What it may cost.
            own: What is left of its share.
            covered: Whether there is enough for the shares of all.
        """
        # A bound is several times what a call costs: it is enough that it is not to be expected to cost more.
        if covered and math.ceil(most * (self._costs / self._bounds if self._bounds else EXPECTED)) <= own:
            return True
        # Where a share is too small for one usual call there is nothing to be fair about: who comes first has its turn.
        return self._calls > 0 and not self._spent[account] and most * self._calls <= USUAL * self._bounds

    def hold(self, account: str, most: int) -> None:
        """Set ``most`` aside for what is under way from now on; `look` has said that it fits."""
        self._held[account] += most
        self.held += most
        self.forget()

    def settle(self, account: str, most: int, cost: int) -> None:
        """What ``most`` was held for has ended, and did cost so much, even if that is more."""
        self._held[account] -= most
        self.held -= most
        self._spent[account] += cost
        self.spent += cost
        if 0 < cost < most:  # else it may not be known what it did cost
            self._calls += 1
            self._bounds += most
            self._costs += cost
        self.forget()

    def forget(self) -> None:
        """Somebody has a share who had none, or the other way round."""
        self._kept = None

    def _kept_for_awaited(self) -> _Kept:
        """What is kept for those who still have to deliver; it is remembered, as many may ask in a row."""
        if self._kept is None:
            common = self.spent - sum(self._spent[name] for name in self._shares.known)
            share = max(0, self.limit - common) / self._shares.count
            left = [(share - self._spent[name], self._held[name]) for name in self._shares.names]
            unborn = self._shares.unborn * share
            now = unborn + sum(max(0.0, own - held) for own, held in left)
            self._kept = _Kept(share, now, unborn + sum(max(0.0, own) for own, _ in left))
        return self._kept


class _Kept(NamedTuple):
    """What is kept for those who still have to deliver.

    Attributes:
        share: Of each.
        now: What is left of all their shares.
        settled: The same if all that is under way costs nothing.
    """

    share: float
    now: float
    settled: float
