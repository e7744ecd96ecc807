"""The message graph: which agent wrote to which, how often, and how it ended."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from markupsafe import Markup

from creator.ledger.traffic import Edge, Traffic
from creator.reporting.figures.drawing import (
    ROW,
    Figure,
    Sheet,
    at,
    box,
    cross,
    fitted,
    line,
    path,
    text,
    width_of,
)
from creator.reporting.figures.legend import Key, placed
from creator.text import clean

MAX_AGENTS: Final = 32
"""Agents that are drawn; of more, those about the busiest."""
MAX_LINES: Final = 150
"""Lines that are drawn, those with the most messages first."""
_NUMBERED: Final = 60
"""Up to so many lines, each of several messages has their number on it."""
_PASSES: Final = 12
_MANY: Final = 8
"""So many messages make an arc as thick as one can be, unless another has more."""

ENDINGS: Final = {
    "ok": "answered",
    "ConversationEnded": "refused: the idea had passed enough colleagues, or this one already",
    "RecipientNotFound": "nobody of that name is live",
    "RecipientLost": "the agent that was asked ended before it answered",
    "HandlerFailed": "the agent that was asked failed",
    "DeadlineExceeded": "no answer in time",
    "MessageTooLarge": "larger than a message may be",
    "PermissionDenied": "refused: not allowed",
    "Overloaded": "refused: too much at once",
    "BudgetUsedUp": "refused: the share of messages was used up",
    "NameTaken": "refused: the name is another's",
}
"""What the ledger's names of outcomes mean."""


def ending_in_words(outcome: str) -> str:
    """How a message ended, for people."""
    return ENDINGS.get(outcome) or clean(outcome, 60)


def message_graph(traffic: Traffic, names: Collection[str]) -> Figure | None:
    """Who wrote to whom among the generated agents.

    Args:
        traffic: The run's messages.
        names: Its agents; whatever was sent to another name is told, and not drawn.

    Returns:
        The figure; None when no message between agents of the run is on record. Arcs on the right lead down the
        list, arcs on the left lead up.
    """
    known = [one for one in traffic.between if one.source in names and one.target in names]
    if not known:
        return None
    kept = _about_the_busiest(known)
    edges = [one for one in known if one.source in kept and one.target in kept][:MAX_LINES]
    order = _arranged(kept, edges)
    return Figure("Message graph", _told(traffic, known, edges, kept), lambda width: _arcs(order, edges, width))


def _told(traffic: Traffic, known: Sequence[Edge], edges: Sequence[Edge], kept: Collection[str]) -> str:
    everybody = {name for one in known for name in (one.source, one.target)}
    messages = sum(one.count for one in known)
    failed = sum(one.failed for one in known)
    said = (
        f"{len(everybody):,} agents exchanged {_of(messages, 'request')}"
        f" in {_of(len(known), 'pairing')}: arcs on the right lead down the list, arcs on the left up;"
        " a thicker arc is more requests."
    )
    said += (
        f" {failed:,} of them {'was' if failed == 1 else 'were'} not answered (dashed, with a cross)." if failed else ""
    )
    if len(edges) < len(known):
        left = messages - sum(one.count for one in edges)
        said += (
            f" Drawn are the {len(kept):,} agents about the busiest with {_of(len(edges), 'arc')};"
            f" {_of(left, 'request')} in {_of(len(known) - len(edges), 'pairing')} are left out."
        )
    elsewhere = traffic.messages - messages
    said += f" {_of(elsewhere, 'request')} went to or from names that no agent of the run has." if elsewhere > 0 else ""
    return said


def _of(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _about_the_busiest(edges: Sequence[Edge]) -> list[str]:
    """The busiest agent, and again and again who has most messages with those that are there."""
    weights: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in edges:
        weights[one.source][one.target] += one.count
        weights[one.target][one.source] += one.count
    total = {name: sum(others.values()) for name, others in weights.items()}
    kept: list[str] = []
    pull: dict[str, int] = {}
    while len(kept) < min(MAX_AGENTS, len(total)):
        waiting = pull or {name: count for name, count in total.items() if name not in kept}
        chosen = min(waiting, key=lambda name: (-waiting[name], -total[name], name))
        kept.append(chosen)
        pull.pop(chosen, None)
        for name, weight in weights[chosen].items():
            if name not in kept:
                pull[name] = pull.get(name, 0) + weight
    return kept


def _arranged(names: Sequence[str], edges: Sequence[Edge]) -> list[str]:
    """The names in an order that keeps those near each other that wrote to each other."""
    near: dict[str, list[str]] = {name: [] for name in names}
    for one in edges:
        near[one.source].append(one.target)
        near[one.target].append(one.source)
    order = best = list(names)
    for _ in range(_PASSES):
        places = {name: place for place, name in enumerate(order)}
        means = {
            name: (sum(places[other] for other in others) + places[name]) / (len(others) + 1)
            for name, others in near.items()
        }
        order = sorted(order, key=lambda name: (means[name], name))
        best = min(best, order, key=lambda one: _length(one, edges))
    return best


def _length(order: Sequence[str], edges: Sequence[Edge]) -> int:
    places = {name: place for place, name in enumerate(order)}
    return sum(abs(places[one.source] - places[one.target]) for one in edges)


def _arcs(order: Sequence[str], edges: Sequence[Edge], width: int) -> Sheet:
    column = min(max((width_of(clean(name, 64), 12) for name in order), default=0) + 16, 0.46 * width)
    left, right = (width - column) / 2, (width + column) / 2
    middles = {name: ROW * place + 14 for place, name in enumerate(order)}
    most = max(one.count for one in edges)
    numbered = len(edges) <= _NUMBERED
    furthest = max(abs(middles[one.source] - middles[one.target]) for one in edges) or 1
    reach = min(left - 18, 40 + 0.8 * furthest)
    ports = _ports(edges, middles)
    marks: list[Markup] = []
    labels: list[Markup] = []
    for one in sorted(edges, key=lambda one: (bool(one.failed), one.count)):
        down = middles[one.target] >= middles[one.source]
        rim, side = (right, 1) if down else (left, -1)
        start, end = ports[one.source, one.target]
        out = rim + side * (14 + max(reach - 14, 0) * (abs(end - start) / (furthest + ROW)) ** 0.8)
        thick = 1 + min(int(3 * math.log(one.count) / math.log(max(most, _MANY))), 3)
        tip = rim + side * 2
        curve = f"M{at(rim)} {at(start)}C{at(out)} {at(start)} {at(out)} {at(end)} {at(tip + side * 5)} {at(end)}"
        hint = f"{clean(one.source, 64)} to {clean(one.target, 64)}: {one.count:,}"
        hint += f", {one.failed:,} not answered" if one.failed else ""
        marks.append(path(curve, f"wire w{thick}{' failed' if one.failed else ''}", says=hint))
        marks.append(_tip(tip, end, side, "point failed" if one.failed else "point"))
        apex, middle = (rim + 3 * out) / 4, (start + end) / 2  # of a curve with both its handles at ``out``
        if one.failed:
            labels.append(cross(apex, middle, 5.5))
        if numbered and one.count > 1:
            shift = side * (9 if one.failed else 4)
            labels.append(text(apex + shift, middle + 4, f"{one.count:,}", "small", "start" if down else "end"))
    for name, y in middles.items():
        marks.append(box(left, y - 9, column, 18, "pill", round_by=9))
        marks.append(text(width / 2, y + 4, fitted(name, column - 12), "", "middle"))
    end, legend = placed(_legend(edges), ROW * len(order) + 4, width)
    return Sheet(end, [*marks, *labels, *legend])


def _ports(edges: Sequence[Edge], middles: Mapping[str, float]) -> dict[tuple[str, str], tuple[float, float]]:
    """Where each arc begins and ends, so that those of one agent do not lie on each other."""
    found: dict[tuple[str, bool], list[tuple[float, tuple[str, str], bool]]] = defaultdict(list)
    for one in edges:
        pair = (one.source, one.target)
        down = middles[one.target] >= middles[one.source]
        found[one.source, down].append((middles[one.target], pair, True))
        found[one.target, down].append((middles[one.source], pair, False))
    starts: dict[tuple[str, str], float] = {}
    ends: dict[tuple[str, str], float] = {}
    for (name, _), arcs in found.items():
        # The furthest arc leaves nearest to whom it leads to, but outermost: so no two cross at the rim.
        above = sorted((arc for arc in arcs if arc[0] < middles[name]), key=lambda arc: arc[0], reverse=True)
        below = sorted((arc for arc in arcs if arc[0] >= middles[name]), key=lambda arc: arc[0], reverse=True)
        ordered = [*above, *below]
        step = min(13 / max(len(ordered) - 1, 1), 6.0)
        for nth, (_, pair, leaves) in enumerate(ordered):
            y = middles[name] + step * (nth - (len(ordered) - 1) / 2)
            (starts if leaves else ends)[pair] = y
    return {pair: (starts[pair], ends[pair]) for pair in starts}


def _legend(edges: Sequence[Edge]) -> list[Key]:
    keys: list[Key] = [(lambda x, y: line(x - 10, y, x + 5, y, "wire w1") + _tip(x + 10, y, -1), "asked and answered")]
    if any(one.failed for one in edges):
        keys.append((lambda x, y: line(x - 10, y, x + 10, y, "wire w1 failed") + cross(x, y, 5.5), "not answered"))
    return keys


def _tip(x: float, y: float, side: int, kind: str = "point") -> Markup:
    """An arrowhead with its tip at a point; its back lies on the side of ``side``, 1 for the right."""
    return path(f"M{at(x)} {at(y)}l{7 * side} -3.2v6.4Z", kind)
