"""How far a judge agrees with itself when the same pair is shown in both orders: a coin would in half of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from creator.outcome import JudgeReport
from creator.text import clean

_DEVIATIONS: Final = 1.959964
"""Of a normal distribution, that 95 % lie within."""
_ENOUGH_PAIRS: Final = 4
"""With fewer, even a judge that always agrees with itself cannot be told from a coin."""
_ONE_SIDED: Final = 0.8
"""Share of verdicts for the idea shown first, or second, from which on that is worth telling."""


def wilson_low(successes: int, count: int) -> float:
    """Where Wilson's 95 % interval of a share begins (E. B. Wilson, 1927); 0 without any trial."""
    if count == 0:
        return 0.0
    share, square = successes / count, _DEVIATIONS**2
    spread = _DEVIATIONS * math.sqrt(share * (1 - share) / count + square / (4 * count**2))
    return (share + square / (2 * count) - spread) / (1 + square / count)


def report_on(name: str, model: str, pairs: int, agreed: int, first_preferred: int, failed: int) -> JudgeReport:
    """The report on a judge; see `JudgeReport` for the arguments.

    It counts as at chance when the interval of its agreement reaches down to one half, which it does for any judge of
    fewer than four pairs.
    """
    return JudgeReport(
        name=name,
        model=model,
        pairs=pairs,
        agreed=agreed,
        first_preferred=first_preferred,
        failed=failed,
        at_chance=wilson_low(agreed, pairs) <= 0.5,
    )


def chance_note(reports: Sequence[JudgeReport]) -> str:
    """One line that names each judge whose verdicts may be a coin's; empty when there is none."""
    doubtful = [one for one in reports if one.at_chance]
    if not doubtful:
        return ""
    told = "; ".join(_told(one, alone=len(reports) == 1) for one in doubtful)
    every = len(doubtful) == len(reports)
    return f"{told}: {'this order means nothing' if every else 'this order means less for that'}"


def _told(report: JudgeReport, *, alone: bool) -> str:
    model = clean(report.model, 100)
    who = f"the judge {model}" if alone else f"{clean(report.name, 40)} ({model})"
    pairs = f"{report.pairs} {'pair' if report.pairs == 1 else 'pairs'}"
    if report.pairs == 0:
        return f"{who} gave no pair of verdicts"
    if report.pairs < _ENOUGH_PAIRS:
        return f"{who} saw only {pairs} in both orders, too few to tell it from a coin"
    verdicts = 2 * report.pairs
    text = f"{who} agreed with itself on {report.agreed} of {pairs} shown in both orders, which a coin would too"
    for place, count in (("first", report.first_preferred), ("second", verdicts - report.first_preferred)):
        if count >= _ONE_SIDED * verdicts:
            text += f" (it preferred the idea shown {place} in {count} of {verdicts} verdicts)"
    return text
