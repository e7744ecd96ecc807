"""A judge's seat in the tournament: it is asked about a pair in both orders, within a deadline, and gets a report."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, Protocol

from creator.agents.messages import Preference
from creator.errors import ModelError
from creator.ideas.self_agreement import report_on
from creator.outcome import JudgeReport
from creator.telemetry.spans import Value, span
from creator.text import clean
from sandbox.errors import MessagingError, describe
from sandbox.protocol import Idea
from sandbox.runtime.tracing import mark_failed

GIVEN_UP_AFTER: Final = 12
"""Comparisons in a row without a verdict, after which a judge is not asked any more."""
MAX_REASON: Final = 500


class Judging(Protocol):
    """Whoever compares ideas."""

    @property
    def name(self) -> str:
        """What tells it from other judges, such as ``judge 2``."""

    @property
    def model(self) -> str:
        """The name of its model."""

    async def compare(self, first: Idea, second: Idea) -> Preference:
        """Which of two ideas it prefers.

        Raises:
            MessagingError: It gave no answer.
            ModelError: Its model gave none.
        """


@dataclass(frozen=True)
class Verdict:
    """One judge on one pair of ideas in one order.

    Attributes:
        judge: Which judge.
        model: Its model.
        round: Which round, from 1: the match's number for whoever of the two has had fewer.
        first: Number of the idea that it was shown first.
        second: Number of the other.
        winner: Number of the idea that it prefers; None when it gave no verdict.
        reason: Why it prefers it, or why there is no verdict, in one line.
    """

    judge: str
    model: str
    round: int
    first: int
    second: int
    winner: int | None
    reason: str


class Seat:
    """Asks one judge, and counts what comes of it.

    Args:
        judge: Who sits there.
        deadline: Seconds for one comparison.
        patient: Whether it is asked on, however many comparisons in a row come to nothing.
    """

    def __init__(self, judge: Judging, deadline: float, *, patient: bool = False) -> None:
        self._judge = judge
        self._deadline = deadline
        self._patient = patient
        self._pairs = self._agreed = self._first_preferred = self._failed = 0
        self._failed_in_a_row = 0

    @property
    def name(self) -> str:
        """The judge's."""
        return self._judge.name

    async def verdict(self, round: int, first: tuple[int, Idea], second: tuple[int, Idea]) -> Verdict:
        """What the judge says to two ideas in this order; a verdict without a winner when it says nothing."""
        winner, reason = None, f"not asked: {GIVEN_UP_AFTER} comparisons in a row came to nothing"
        if self._patient or self._failed_in_a_row < GIVEN_UP_AFTER:
            winner, reason = await self._compared(round, first, second)
            self._failed_in_a_row = 0 if winner is not None else self._failed_in_a_row + 1
        judge = self._judge
        return Verdict(judge.name, judge.model, round, first[0], second[0], winner, clean(reason, MAX_REASON))

    async def _compared(self, round: int, first: tuple[int, Idea], second: tuple[int, Idea]) -> tuple[int | None, str]:
        """The judge's preference and its reason, in a span of its own."""
        known: dict[str, Value | None] = {
            "creator.judge.name": self._judge.name,
            "creator.judge.model": self._judge.model,
            "creator.comparison.round": round,
            "creator.comparison.first": first[0],
            "creator.comparison.second": second[0],
        }
        with span("comparison", known) as made:
            winner, reason = await self._ask(first, second)
            if winner is None:
                mark_failed(made, "no_verdict")
            else:
                made.set_attribute("creator.comparison.winner", winner)
        return winner, reason

    async def _ask(self, first: tuple[int, Idea], second: tuple[int, Idea]) -> tuple[int | None, str]:
        try:
            async with asyncio.timeout(self._deadline):
                preference = await self._judge.compare(first[1], second[1])
        except (MessagingError, ModelError) as error:
            return None, describe(error)
        except TimeoutError:
            return None, f"no verdict within {self._deadline:g} s"
        return {"first": first[0], "second": second[0], None: None}[preference.winner], preference.reason

    def count(self, one: Verdict, other: Verdict) -> None:
        """Take note of both verdicts on a pair."""
        self._failed += [one.winner, other.winner].count(None)
        if one.winner is not None and other.winner is not None:
            self._pairs += 1
            self._agreed += one.winner == other.winner
            self._first_preferred += (one.winner == one.first) + (other.winner == other.first)

    @property
    def report(self) -> JudgeReport:
        """How far it agrees with itself."""
        counts = self._pairs, self._agreed, self._first_preferred, self._failed
        return report_on(self._judge.name, self._judge.model, *counts)
