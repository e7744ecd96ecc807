"""What a run's state is called, wherever it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from creator.ledger.view import RunView

LIMIT_REACHED: Final = "limit reached"
RESUMABLE: Final = frozenset({"interrupted", "lost", LIMIT_REACHED})
"""States of a run that ended before its time."""


def state_of(view: RunView) -> str:
    """``running``, ``lost``, ``limit reached``, ``interrupted`` or ``finished``."""
    if view.state != "finished":
        return view.state
    if view.outcome.limit:
        return LIMIT_REACHED
    return "interrupted" if view.outcome.interrupted else "finished"
