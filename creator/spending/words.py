"""Spending in words, the same wherever it is told."""

from __future__ import annotations

from typing import Final

from creator.outcome import Dollars, Estimate, RunOutcome, Span

UNKNOWN: Final = "price unknown"


def dollars(amount: float) -> str:
    """An amount of US dollars: ``$0``, ``$0.0123``, ``$1.50``, ``$1,234.50``."""
    if amount == 0:
        return "$0"
    if amount < 0.0001:
        return "less than $0.0001"
    if amount >= 0.1:
        return f"${amount:,.2f}"
    whole, _, cents = f"{amount:.4f}".partition(".")
    return f"${whole}.{cents.rstrip('0'):0<2}"


def spent(prompt: int, completion: int, cost: float | None, max_tokens: int | None, max_cost: float | None) -> str:
    """What a run has spent, and of what limit: ``12,345 of 50,000 tokens, $0.0123 of $2.00``.

    Args:
        prompt: Tokens read.
        completion: Tokens written.
        cost: US dollars; None when a price is unknown.
        max_tokens: The limit of tokens, read and written; None for none.
        max_cost: The limit of US dollars; None for none.
    """
    tokens = f"{prompt:,} tokens read, {completion:,} written"
    if max_tokens is not None:
        tokens = f"{prompt + completion:,} of {max_tokens:,} tokens"
    if cost is None:
        return f"{tokens}, {UNKNOWN}"
    return f"{tokens}, {dollars(cost)}{f' of {dollars(max_cost)}' if max_cost is not None else ''}"


def span(between: Span) -> str:
    """Two numbers, as exact as an estimate can be: ``1,200 to 3,400``."""
    low, high = f"{_rounded(between.low):,.0f}", f"{_rounded(between.high):,.0f}"
    return low if low == high else f"{low} to {high}"


def cost_span(between: Dollars) -> str:
    """What something may cost: ``$0.08 to $0.20``."""
    low, high = dollars(_rounded(between.low)), dollars(_rounded(between.high))
    return low if low == high else f"{low} to {high}"


def _rounded(number: float) -> float:
    return float(f"{number:.2g}")


def expected(estimate: Estimate) -> str:
    """What a run will take, in one line."""
    cost = f"{UNKNOWN} (--prices FILE tells it)" if estimate.cost is None else cost_span(estimate.cost)
    return f"estimate: {span(estimate.calls)} model calls, {span(estimate.tokens)} tokens, {cost}"


def cost_beside(outcome: RunOutcome) -> str:
    """What a run has cost, beside what was expected: ``$0.12 (estimated $0.08 to $0.20)``."""
    cost = UNKNOWN if outcome.cost is None else dollars(outcome.cost)
    if outcome.cost is None or outcome.estimate is None or outcome.estimate.cost is None:
        return cost
    return f"{cost} (estimated {cost_span(outcome.estimate.cost)})"


def tokens_beside(outcome: RunOutcome) -> str:
    """The tokens of a run, read and written, beside what was expected: ``2,352 tokens (estimated 1,800 to 9,000)``."""
    tokens = f"{outcome.prompt_tokens + outcome.completion_tokens:,} tokens"
    return tokens if outcome.estimate is None else f"{tokens} (estimated {span(outcome.estimate.tokens)})"
