"""What all figures are made of: a sheet of a given width, and a few marks, with every text escaped and bounded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import resources
from typing import Final

from markupsafe import Markup
from rich.cells import cell_len

from creator.text import clean

WIDE: Final = 680
"""The width of a figure on a page of its own, in CSS pixels."""
NARROW: Final = 326
"""Its width on a small telephone."""
ROW: Final = 22
"""The height of a line of labels, in CSS pixels."""

_MAX_LABEL: Final = 64
_SLIM: Final = frozenset("iljtfrI.,:;'|!()[] -1")
_BROAD: Final = frozenset("mwMW@%")
_CAPITALS: Final = frozenset("ABCDEFGHKLNOPQRSTUVXYZ_&")


@dataclass(frozen=True)
class Sheet:
    """What is drawn.

    Attributes:
        height: In CSS pixels.
        marks: The elements, those in front last.
    """

    height: float
    marks: list[Markup]


@dataclass(frozen=True)
class Figure:
    """A figure that can be drawn for pages of several widths.

    Attributes:
        title: What it is.
        says: What it shows, in a sentence or two; who cannot see the figure reads this.
        draw: Draws it on a sheet of so many CSS pixels in width.
    """

    title: str
    says: str
    draw: Callable[[int], Sheet]

    def at(self, width: int) -> Markup:
        """The `<svg>` element for a page of so many CSS pixels."""
        sheet = self.draw(width)
        head = Markup(
            '<svg class="drawing" role="img" aria-label="{}" width="{}" height="{}" viewBox="0 0 {} {}">'
            "<title>{}</title>"
        ).format(f"{self.title}. {self.says}", width, at(sheet.height), width, at(sheet.height), self.title)
        return head + Markup("").join(sheet.marks) + Markup("</svg>")

    @property
    def wide(self) -> Markup:
        """For a large screen, and for paper."""
        return self.at(WIDE)

    @property
    def narrow(self) -> Markup:
        """For a telephone."""
        return self.at(NARROW)


def style() -> str:
    """The style sheet of all figures.

    It uses the page's own colours, `--ink`, `--quiet`, `--line`, `--accent`, `--bad` and `--card`, light or dark.
    """
    return resources.files("creator").joinpath("data", "figures.css").read_text(encoding="utf-8")


def at(place: float) -> str:
    """A coordinate, a tenth of a pixel exact; one that is no number lies at 0."""
    if not math.isfinite(place):
        return "0"
    return f"{place:.1f}".removesuffix(".0")


def group(kind: str, marks: Iterable[Markup]) -> Markup:
    """Marks of one class."""
    return Markup('<g class="{}">{}</g>').format(kind, Markup("").join(marks))


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> Markup:
    """A line of text that stands on ``y``."""
    named = Markup(' class="{}"').format(kind) if kind else ""
    placed = Markup(' text-anchor="{}"').format(anchor) if anchor != "start" else ""
    return Markup('<text x="{}" y="{}"{}{}>{}</text>').format(at(x), at(y), named, placed, words)


def path(way: str, kind: str, *, says: str = "") -> Markup:
    """A path; ``says`` is told when the mouse rests on it."""
    return Markup('<path class="{}" d="{}">{}</path>').format(kind, way, _hint(says))


def circle(x: float, y: float, radius: float, kind: str = "", *, says: str = "") -> Markup:
    """A circle."""
    named = Markup(' class="{}"').format(kind) if kind else ""
    return Markup('<circle cx="{}" cy="{}" r="{}"{}>{}</circle>').format(at(x), at(y), at(radius), named, _hint(says))


def box(x: float, y: float, width: float, height: float, kind: str, *, round_by: float = 2, says: str = "") -> Markup:
    """A rectangle; one that is too small to be seen is shown a pixel wide."""
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="{}">{}</rect>').format(
        kind, at(x), at(y), at(max(width, 1)), at(height), at(round_by), _hint(says)
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    """A straight line."""
    return Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(kind, at(x1), at(y1), at(x2), at(y2))


def cross(x: float, y: float, radius: float, kind: str = "cross") -> Markup:
    """A cross: something failed here."""
    arm = radius * 0.7
    left, right, top, bottom = at(x - arm), at(x + arm), at(y - arm), at(y + arm)
    return path(f"M{left} {top}L{right} {bottom}M{left} {bottom}L{right} {top}", kind)


def polygon(x: float, y: float, radius: float, corners: int, kind: str = "", *, says: str = "") -> Markup:
    """A regular polygon about a point; with four corners it is a square that stands on its side."""
    turn = math.pi / corners if corners % 2 == 0 else 0.0
    angles = [2 * math.pi * corner / corners - math.pi / 2 + turn for corner in range(corners)]
    points = [f"{at(x + radius * math.cos(angle))} {at(y + radius * math.sin(angle))}" for angle in angles]
    named = Markup(' class="{}"').format(kind) if kind else ""
    return Markup('<path{} d="M{}Z">{}</path>').format(named, "L".join(points), _hint(says))


def fitted(words: str, room: float, size: float = 12) -> str:
    """A text of somebody's as one clean line that fits.

    Args:
        words: Anything.
        room: How wide it may be, in CSS pixels.
        size: Of its letters, in CSS pixels.
    """
    shown = clean(words, _MAX_LABEL)
    if width_of(shown, size) <= room:
        return shown
    while shown and width_of(f"{shown}…", size) > room:
        shown = shown[:-1]
    return f"{shown.rstrip()}…"


def width_of(words: str, size: float = 12) -> float:
    """About how wide a text is, in CSS pixels; letters differ from font to font, so it is rather too much."""
    return size * sum(map(_width, words))


def _width(letter: str) -> float:
    if letter in _SLIM:
        return 0.36
    if letter in _BROAD:
        return 0.95
    if letter in _CAPITALS:
        return 0.72
    return 1.05 if cell_len(letter) > 1 else 0.6


def _hint(says: str) -> Markup:
    return Markup("<title>{}</title>").format(says) if says else Markup("")
