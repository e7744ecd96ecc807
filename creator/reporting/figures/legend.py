"""The line below a figure that says what each mark means."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup

from creator.reporting.figures.drawing import ROW, text, width_of

Key = tuple[Callable[[float, float], Markup], str]
"""Draws a mark about a point, and what it means."""

_SIZE = 11


def placed(keys: Sequence[Key], top: float, width: int) -> tuple[float, list[Markup]]:
    """Set a legend.

    Args:
        keys: What there is; none for no legend.
        top: Where it may begin.
        width: Of the sheet; it goes on in another line where one is full.

    Returns:
        Where it ends, and its marks.
    """
    marks: list[Markup] = []
    x, y = 10.0, top + 18
    for draw, words in keys:
        wide = 16 + width_of(words, _SIZE)
        if x > 10 and x + wide > width:
            x, y = 10.0, y + ROW
        marks += [draw(x, y - 4), text(x + 14, y, words, "small quiet")]
        x += wide + 16
    return (y + 8 if keys else top), marks
