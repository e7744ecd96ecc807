"""Spending in words, the same wherever it is told."""

from __future__ import annotations

UNKNOWN = "price unknown"


def dollars(amount: float) -> str:
    """An amount of US dollars: ``$0``, ``$0.0123``, ``$1.50``, ``$1,234.00``."""
    if amount == 0:
        return "$0"
    if amount < 0.0001:
        return "less than $0.0001"
    return f"${amount:.4f}" if amount < 0.1 else f"${amount:,.2f}"
