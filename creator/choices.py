"""What a run leaves to chance, or to who comes first: decided once, on record, and decided the same way again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from creator.errors import EnvironmentFault
from creator.ledger.store import Ledger

Choice = dict[str, Any]
"""A decision, as JSON values."""
Known = Callable[[str, str, str, int], Choice | None]
"""Gives the decision of a kind that an agent got in a conversation for the n-th time, where it is known."""


class Choices:
    """The choices of a run.

    Args:
        ledger: Where they are put on record.
        on_fault: Called when that fails: the run is over then, but whoever asked gets an answer.
        known: Gives earlier ones; by default those of the ledger.
    """

    def __init__(
        self, ledger: Ledger, on_fault: Callable[[EnvironmentFault], None], known: Known | None = None
    ) -> None:
        self._ledger = ledger
        self._on_fault = on_fault
        self.played_again = known is not None
        """Whether earlier decisions are those of another run, and not on record yet."""
        self._known = known or ledger.choice
        self._asked: Counter[tuple[str, str, str]] = Counter()

    def next_known(self, kind: str, agent: str, conversation: str) -> Choice | None:
        """What `decide` would find on record for its next question of this kind; None when there is nothing."""
        try:
            return self._known(kind, agent, conversation, self._asked[kind, agent, conversation] + 1)
        except EnvironmentFault as fault:
            self._on_fault(fault)
            return None

    def decide(
        self,
        kind: str,
        agent: str,
        conversation: str,
        choose: Callable[[], Choice],
        fits: Callable[[Choice], bool] = lambda choice: True,
    ) -> Choice:
        """The decision that was made before for the same, where it still fits, else a new one.

        Args:
            kind: What is decided, such as ``colleague``.
            agent: For whom.
            conversation: In which; empty outside of any.
            choose: Makes a new decision.
            fits: Whether an earlier one can still be had.
        """
        self._asked[kind, agent, conversation] += 1
        nth = self._asked[kind, agent, conversation]
        try:
            known = self._known(kind, agent, conversation, nth)
            fitting = known is not None and fits(known)
            if known is not None and fitting and not self.played_again:
                return known
            chosen = known if known is not None and fitting else choose()
            self._ledger.record_choice(kind, agent, conversation, nth, chosen)
        except EnvironmentFault as fault:
            self._on_fault(fault)
            chosen = choose()
        return chosen
