"""When a run spent what on which phase, and which agents used most: what its calls of models tell."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Final

from markupsafe import Markup

from creator.ledger.accounts import Accounts, Share
from creator.progress.counts import duration
from creator.reporting.figures.drawing import NARROW, Figure, Sheet, box, fitted, line, text
from creator.spending.words import UNKNOWN, dollars
from creator.text import clean

MAX_SPENDERS: Final = 10
_LABELS: Final = 170
_BAR: Final = 16
_LONGEST: Final = 10 * 365 * 86_400.0
"""Seconds; a longer run is a damaged record's."""


def phase_line(accounts: Accounts) -> Figure | None:
    """A bar for each phase of a run, from its first call of a model to its last.

    Returns:
        The figure; None when no model was paid for.
    """
    phases = [one for one in accounts.phases if math.isfinite(one.begun) and math.isfinite(one.ended)]
    if not phases:
        return None
    begun, ended = min(one.begun for one in phases), max(one.ended for one in phases)
    whole = min(max(ended - begun, 0.001), _LONGEST)
    tokens = sum(one.tokens for one in phases)
    calls = sum(one.calls for one in phases)
    most = max(phases, key=lambda one: one.tokens)
    share = (
        f", {100 * most.tokens / tokens:.0f} % of the tokens for {clean(most.name, 64)}"
        if tokens and len(phases) > 1
        else ""
    )
    says = (
        f"{calls:,} model calls in {time_of(whole)}{share}."
        " Each bar reaches from a phase's first call to its last; phases go on side by side."
    )
    return Figure("Phases of the run", says, lambda width: _line(phases, begun, whole, width))


def _line(phases: Sequence[Share], begun: float, whole: float, width: int) -> Sheet:
    beside = width > NARROW + 100
    left = _LABELS if beside else 0.0
    high = 38 if beside else 48
    room = width - left - 1
    bottom = high * len(phases) + 6
    marks: list[Markup] = []
    for nth, share in enumerate((0.0, 0.5, 1.0)):
        x = left + share * room
        marks.append(line(x + 0.5, 0, x + 0.5, bottom, "rule"))
        anchor = ("start", "middle", "end")[nth]
        marks.append(text(x, bottom + 16, duration(share * whole), "small quiet", anchor))
    for nth, one in enumerate(phases):
        y = high * nth + 6
        words = f"{one.tokens:,} tokens, {cost_of(one)}"
        start = min(max((one.begun - begun) / whole, 0), 1)
        length = min(max((one.ended - one.begun) / whole, 0), 1 - start)
        bar_y = y + 2 if beside else y + 18
        hint = f"{clean(one.name, 64)}: {one.calls:,} calls, {words}"
        if beside:
            marks.append(text(0, y + 10, fitted(one.name, left - 8)))
            marks.append(text(0, y + 24, fitted(words, left - 8, 11), "small quiet"))
        else:
            marks.append(text(0, y + 12, fitted(one.name, width * 0.45)))
            marks.append(text(width, y + 12, fitted(words, width * 0.55, 11), "small quiet", "end"))
        marks.append(box(left + start * room, bar_y, length * room, _BAR, f"bar phase-{nth % 4}", says=hint))
    return Sheet(bottom + 24, marks)


def time_of(seconds: float) -> str:
    """How long something took: ``0:49 minutes``, ``1:02:03 hours``."""
    return f"{duration(seconds)} {'hours' if seconds >= 3600 else 'minutes'}"


def cost_of(share: Share) -> str:
    """What was paid, in words."""
    if share.cost is None or not math.isfinite(share.cost):
        return UNKNOWN
    return dollars(max(share.cost, 0.0))


def spenders(accounts: Accounts, names: Collection[str]) -> list[Share]:
    """The agents that used most tokens, at most `MAX_SPENDERS`.

    Args:
        accounts: Of the run.
        names: Its agents; what the trusted side used stands among the phases.
    """
    return [one for one in accounts.agents if one.name in names and one.tokens > 0][:MAX_SPENDERS]


def spending_bars(shares: Sequence[Share]) -> Figure | None:
    """A bar for each of a few agents: the tokens that it read, and those that it wrote.

    Returns:
        The figure; None for nobody.
    """
    if not shares:
        return None
    first = shares[0]
    says = (
        f"The {len(shares):,} agents that used most tokens, {clean(first.name, 64)} first with {first.tokens:,};"
        " hollow for what was read, filled for what was written."
        if len(shares) > 1
        else f"{clean(first.name, 64)} alone used tokens: {first.tokens:,}; hollow for read, filled for written."
    )
    return Figure("Tokens by agent", says, lambda width: _bars(shares, width))


def _bars(shares: Sequence[Share], width: int) -> Sheet:
    left = _LABELS if width > NARROW + 100 else 118.0
    room = width - left - 74
    most = max(one.tokens for one in shares) or 1
    marks: list[Markup] = []
    for nth, one in enumerate(shares):
        y = 24 * nth + 2
        read, written = room * one.prompt_tokens / most, room * one.completion_tokens / most
        hint = f"{one.prompt_tokens:,} read, {one.completion_tokens:,} written"
        marks.append(text(0, y + 13, fitted(one.name, left - 8)))
        marks.append(box(left, y + 1, read, 14, "bar read", says=hint))
        marks.append(box(left + read, y + 1, written, 14, "bar", says=hint))
        marks.append(text(left + max(read, 1) + max(written, 1) + 6, y + 13, f"{one.tokens:,}", "small quiet"))
    return Sheet(24 * len(shares) + 2, marks)
