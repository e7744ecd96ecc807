"""What is told of one thing that was looked at, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "missing", "broken"]
"""``missing``: the main job runs without it. ``broken``: it does not."""


@dataclass(frozen=True)
class Mend:
    """What the program can do itself about something.

    Attributes:
        question: Asks whether to do it now.
        run: Does it; called with what takes a line for each step. Blocking; raises what went wrong.
    """

    question: str
    run: Callable[[Callable[[str], None]], None]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What it is.
        state: How it is.
        found: The same in words.
        todo: What a person can do about it, with the exact command where there is one.
        mend: What the program can do about it.
    """

    name: str
    state: State
    found: str
    todo: str = ""
    mend: Mend | None = None


def first_line(error: BaseException) -> str:
    """An error in one line."""
    return (str(error) or type(error).__name__).splitlines()[0]
