"""The likeness map: ideas that use the same words lie near each other.

Words are weighed by tf-idf (one that many ideas share says little), and the vectors are laid on a plane by classical
multidimensional scaling (Torgerson 1952), which for such vectors is their two principal components.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from scipy import sparse

from creator.ideas.likeness import idea_text, words_of
from creator.reporting.figures.drawing import Figure, Sheet, box, circle, fitted, line, text, width_of
from creator.reporting.figures.legend import Key, placed
from creator.text import clean
from sandbox.protocol import Idea

MAX_IDEAS: Final = 400
"""Ideas that are placed: the first in order."""
NUMBERED: Final = 60
"""Up to so many, each has its number in it; of more, the first do, beside them."""
_ROUNDS: Final = 80
_EDGE: Final = 22
_TITLES: Final = (230, 110)
"""How wide a title may be, the widest that there is room for, in CSS pixels."""
_FLAT: Final = 1e-9

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Placed:
    """An idea on the map.

    Attributes:
        label: The number that it goes by; no longer than a few characters.
        idea: Its final text.
        top: Whether it is one of the first in order.
        one_shot: Whether no agent had a part in it.
        under: The place in the list of the idea that it is a near-duplicate of; None for one that stands alone.
    """

    label: str
    idea: Idea
    top: bool = False
    one_shot: bool = False
    under: int | None = None


@dataclass(frozen=True)
class LikenessMap:
    """Where ideas lie.

    Attributes:
        figure: The map.
        nearest: By place in the list: the place of the idea with the most words in common, and how much of them.
        shown: The share of all differences that the plane can show, from 0 to 1.
    """

    figure: Figure
    nearest: list[tuple[int, float]]
    shown: float


def likeness_map(ideas: Sequence[Placed]) -> LikenessMap | None:
    """Lay ideas on a plane.

    Args:
        ideas: In order; beyond `MAX_IDEAS` they are left out.

    Returns:
        None below two ideas. The same ideas give the same map.
    """
    kept = list(ideas[:MAX_IDEAS])
    if len(kept) < 2:
        return None
    alike = _alike([words_of(idea_text(one.idea)) for one in kept])
    points, shown = _plane(alike)
    others = alike - 2 * np.eye(len(kept))
    nearest = [(int(np.argmax(row)), float(np.clip(np.max(row), 0, 1))) for row in others]
    figure = Figure("Likeness map", _told(kept, len(ideas), shown), lambda width: _map(kept, points, width))
    return LikenessMap(figure, nearest, shown)


def _alike(texts: Sequence[list[str]]) -> Vector:
    """The cosine of the angle between the word vectors of each two texts."""
    columns: dict[str, int] = {}
    values, rows, places = [], [], []
    for row, words in enumerate(texts):
        for word, count in Counter(words).items():
            values.append(1 + math.log(count))
            rows.append(row)
            places.append(columns.setdefault(word, len(columns)))
    counts = sparse.csr_matrix((values, (rows, places)), shape=(len(texts), max(len(columns), 1)), dtype=np.float64)
    common = np.bincount(np.asarray(places, dtype=np.int64), minlength=counts.shape[1])
    weighed = counts @ sparse.diags(np.log((1 + len(texts)) / (1 + common)) + 1)
    lengths = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel())
    unit = sparse.diags(1 / np.where(lengths > 0, lengths, 1)) @ weighed
    cosines: Vector = np.asarray((unit @ unit.T).todense(), dtype=np.float64)
    return cosines


def _plane(alike: Vector) -> tuple[Vector, float]:
    """Places on a plane, and the share of the differences that it shows."""
    count = len(alike)
    centre = np.eye(count) - 1 / count
    gram = centre @ alike @ centre
    total = float(np.trace(gram))
    if total <= _FLAT:
        return np.zeros((count, 2)), 1.0
    # All of them: LAPACK's search for a few finds none where many ideas are equally far from each other.
    strengths, directions = np.linalg.eigh((gram + gram.T) / 2)
    strengths, directions = strengths[-2:], directions[:, -2:]
    points: Vector = (directions * np.sqrt(np.clip(strengths, 0, None)))[:, ::-1]
    for axis in range(points.shape[1]):  # an eigenvector's sign is chance
        largest = int(np.argmax(np.round(np.abs(points[:, axis]), 6)))
        if points[largest, axis] < 0:
            points[:, axis] *= -1
    return points, float(np.clip(strengths, 0, None).sum() / total)


def _told(ideas: Sequence[Placed], total: int, shown: float) -> str:
    said = (
        f"{len(ideas):,} ideas by their numbers, nearer to each other the more words they share; words that most of"
        f" them use count little. A plane can show {100 * shown:.0f} % of their differences"
    )
    said += (
        ", so distances are a hint and no measure." if shown < 0.7 else ", so most distances are about what they are."
    )
    said += " Directions mean nothing."
    alike = sum(one.under is not None for one in ideas)
    said += (
        f" {alike:,} near-duplicate{'s are' if alike != 1 else ' is'} tied to the idea listed above." if alike else ""
    )
    one_shot = sum(one.one_shot for one in ideas)
    said += f" {one_shot:,} one-shot idea{'s are squares' if one_shot != 1 else ' is a square'}." if one_shot else ""
    said += f" The first {len(ideas):,} of {total:,} in order are drawn." if total > len(ideas) else ""
    return said


def _map(ideas: Sequence[Placed], points: Vector, width: int) -> Sheet:
    inside = len(ideas) <= NUMBERED
    widest = max(width_of(one.label, 11) for one in ideas) if inside else 0
    radius = max(9.0, widest / 2 + 3) if inside else 3.6
    across = width - 2 * (radius + _EDGE)
    span = np.ptp(points, axis=0)
    longest = max(float(span.max()), _FLAT)
    down = min(max(float(span[1]) / longest * across, 0.25 * width), 0.5 * width)
    height = down + 2 * (radius + _EDGE)
    scale = min(across / max(float(span[0]), _FLAT), down / max(float(span[1]), _FLAT))
    middle = (points.max(axis=0) + points.min(axis=0)) / 2
    places = (points - middle) * (scale, -scale) if longest > _FLAT else np.zeros_like(points)
    places += np.array([width / 2, height / 2])
    if inside:
        places = _apart(places, radius, width, height)
    spots = [(float(x), float(y)) for x, y in places]
    marks: list[Markup] = [box(0.5, 0.5, width - 1, height - 1, "frame", round_by=6)]
    for place, one in enumerate(ideas):
        if one.under is not None and one.under < len(ideas):
            marks.append(line(*spots[place], *spots[one.under], "same"))
    for place in reversed(range(len(ideas))):  # those that come first lie in front
        one, (x, y) = ideas[place], spots[place]
        marks.append(_mark(one, x, y, radius))
        if inside:
            marks.append(text(x, y + 4, one.label, "on" if one.top else "small", "middle"))
    marks += _names(ideas, spots, radius, width, height, inside)
    end, legend = placed(_legend(ideas), height, width)
    return Sheet(end + 1, [*marks, *legend])


def _names(
    ideas: Sequence[Placed],
    spots: Sequence[tuple[float, float]],
    radius: float,
    width: float,
    height: float,
    titles: bool,
) -> list[Markup]:
    """Titles beside the marks, or numbers where marks have none in them: in order, each where there is room for it."""
    taken = [(x - radius, y - radius, x + radius, y + radius) for x, y in spots] if titles else []
    marks: list[Markup] = []
    for one, (x, y) in list(zip(ideas, spots, strict=True))[:NUMBERED]:
        wanted = [fitted(one.idea.title, room, 11) for room in _TITLES] if titles else [one.label]
        choices = [(words, *where) for words in wanted for where in _beside(x, y, radius, width_of(words, 11))]
        for words, left, foot in choices:
            room = (left, foot - 9, left + width_of(words, 11), foot + 3)
            inside = left > 4 and room[2] < width - 4 and foot > 14 and foot < height - 5
            if inside and not any(_meet(room, other) for other in taken):
                marks.append(text(left, foot, words, "small quiet"))
                taken.append(room)
                break
    return marks


def _beside(x: float, y: float, radius: float, wide: float) -> list[tuple[float, float]]:
    """Where words beside a mark may begin: on its right, on its left, below it, above it."""
    gap = radius + 4
    return [(x + gap, y + 4), (x - gap - wide, y + 4), (x - wide / 2, y + gap + 9), (x - wide / 2, y - gap)]


def _meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _mark(one: Placed, x: float, y: float, radius: float) -> Markup:
    kind = "spot top" if one.top else "spot under" if one.under is not None else "spot"
    hint = f"{one.label}: {clean(one.idea.title, 80)}"
    if one.one_shot:
        side = radius * 0.9
        return box(x - side, y - side, 2 * side, 2 * side, f"{kind} one-shot", round_by=1, says=hint)
    return circle(x, y, radius, kind, says=hint)


def _legend(ideas: Sequence[Placed]) -> list[Key]:
    """What each mark means, for those that are there."""
    found: list[Key] = []
    if any(one.top for one in ideas):
        found.append((lambda x, y: circle(x, y, 6, "spot top"), "first in order"))
    if any(one.under is not None for one in ideas):
        found.append((lambda x, y: line(x - 8, y, x + 8, y, "same") + circle(x, y, 5, "spot under"), "near-duplicate"))
    if any(one.one_shot for one in ideas):
        found.append((lambda x, y: box(x - 5, y - 5, 10, 10, "spot one-shot", round_by=1), "one-shot"))
    return found


def _apart(places: Vector, radius: float, width: float, height: float) -> Vector:
    """Places moved no further than is needed for no mark to hide another, as far as there is room."""
    count = len(places)
    # Marks on the very same spot are pushed off in directions of their own, the same each time.
    turns = np.arange(count) * 2.399963
    places = places + 0.01 * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    low, high = np.array([radius + 3, radius + 3]), np.array([width - radius - 3, height - radius - 3])
    for _ in range(_ROUNDS):
        gaps = places[:, None, :] - places[None, :, :]
        distances = np.hypot(gaps[..., 0], gaps[..., 1]) + np.eye(count) * 1e6
        overlap = np.clip(2 * radius + 2 - distances, 0, None)
        if not overlap.any():
            break
        push = (gaps / np.maximum(distances, _FLAT)[..., None] * overlap[..., None] / 2).sum(axis=1)
        places = np.clip(places + push, low, high)
    return places
