"""The population map: the agents of a run, by generation or by sector, with what each used and who wished for whom."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from creator.family import origins
from creator.outcome import AgentOutcome
from creator.reporting.figures.drawing import (
    ROW,
    Figure,
    Sheet,
    at,
    box,
    circle,
    cross,
    fitted,
    group,
    line,
    path,
    polygon,
    text,
    width_of,
)
from creator.reporting.figures.legend import Key, placed
from creator.text import clean

NAMED: Final = 36
"""Up to so many agents each has its name beside it."""
MAX_DOTS: Final = 1_000
"""Up to so many each is a dot; beyond, each group is a bar."""
MAX_GROUPS: Final = 50
_MAX_TIES: Final = 120
_HINTS: Final = 150
_CELL: Final = (150, 112)
_LABELS: Final = 190
_NONE: Final = "(none named)"
_STATES: Final = {"failed": "failed", "pending": "waits for a decision"}


def population_map(agents: Sequence[AgentOutcome], ideas: Mapping[str, int]) -> Figure | None:
    """Who took part.

    Args:
        agents: All of a run.
        ideas: By name: how many ideas each delivered.

    Returns:
        The figure; None without agents. A few agents are shown with their names, in bands by generation; up to
        `MAX_DOTS` as dots by sector or role; more as bars.
    """
    if not agents:
        return None
    ties = _ties(agents)
    if len(agents) <= NAMED:
        bands = ", in bands by generation" if any(one.generation for one in agents) else ""
        sizes = "A larger circle used more tokens; the number in it counts ideas."
        says = _told(agents, ideas, ties, bands, sizes)
        return Figure("Population map", says, lambda width: _named(agents, ideas, ties, width))
    by, groups = _grouped(agents)
    if len(agents) <= MAX_DOTS:
        says = _told(agents, ideas, ties, f", each a mark beside its {by}", "A larger mark used more tokens.")
        return Figure("Population map", says, lambda width: _dots(groups, _Scale.of(agents, 2.2, 5.5), width))
    says = _told(agents, ideas, ties, f", counted by {by}", "")
    return Figure("Population map", says, lambda width: _bars(groups, width))


@dataclass(frozen=True)
class _Tie:
    """One agent stems from another, by their places in the list."""

    above: int
    below: int
    asked: bool


@dataclass(frozen=True)
class _Scale:
    """The size of an agent by its tokens: areas, not radii, stand for numbers."""

    least: float
    most: float
    tokens: int

    @classmethod
    def of(cls, agents: Sequence[AgentOutcome], least: float, most: float) -> _Scale:
        return cls(least, most, max((_tokens(one) for one in agents), default=0))

    def radius(self, agent: AgentOutcome) -> float:
        if self.tokens <= 0:
            return (self.least + self.most) / 2
        return max(self.least, self.most * math.sqrt(_tokens(agent) / self.tokens))


def _tokens(agent: AgentOutcome) -> int:
    return agent.prompt_tokens + agent.completion_tokens


def _ties(agents: Sequence[AgentOutcome]) -> list[_Tie]:
    places: dict[str, int] = {}
    for place, one in enumerate(agents):
        places.setdefault(one.name, place)
    return [
        _Tie(places[name], place, asked=name == one.asked_by)
        for place, one in enumerate(agents)
        for name in origins(one)
        if places.get(name, place) != place
    ]


def _told(agents: Sequence[AgentOutcome], ideas: Mapping[str, int], ties: Sequence[_Tie], how: str, sizes: str) -> str:
    states = Counter(one.state for one in agents)
    counts = [f"{states['live']:,} live"]
    counts += [f"{states['failed']:,} failed"] if states["failed"] else []
    counts += [f"{states['pending']:,} waiting"] if states["pending"] else []
    sectors, generations = len({_key(one.sector) for one in agents} - {""}), len({one.generation for one in agents})
    of = f"{sectors:,} sector{'s' if sectors != 1 else ''}"
    of += f" and {generations:,} generations" if generations > 1 else ""
    said = [f"{len(agents):,} agent{'s' if len(agents) != 1 else ''} ({', '.join(counts)}) of {of}{how}."]
    said += [sizes] if sizes and any(map(_tokens, agents)) else []
    delivered = sum(1 for one in agents if ideas.get(one.name))
    said += [f"{delivered:,} delivered an idea."]
    asked, bred = len({one.below for one in ties if one.asked}), len({one.below for one in ties if not one.asked})
    said += [f"{asked:,} {'was' if asked == 1 else 'were'} asked for by a colleague."] if asked else []
    said += [f"{bred:,} {'was' if bred == 1 else 'were'} bred from earlier ones."] if bred else []
    return " ".join(said)


def _key(value: str) -> str:
    return " ".join(value[:200].split()).casefold()


# ---- few agents, with their names


def _named(agents: Sequence[AgentOutcome], ideas: Mapping[str, int], ties: Sequence[_Tie], width: int) -> Sheet:
    columns = max(width // _CELL[0], 1)
    wide, high = width / columns, _CELL[1]
    scale = _Scale.of(agents, 10, 25)
    generations = sorted({one.generation for one in agents})
    centres: dict[int, tuple[float, float]] = {}
    marks: list[Markup] = []
    top = 0.0
    for generation in generations:
        if len(generations) > 1:
            marks += [line(0, top + 8, width, top + 8, "rule"), text(0, top + 26, f"Generation {generation}", "quiet")]
            top += 30
        members = [place for place, one in enumerate(agents) if one.generation == generation]
        members.sort(key=lambda place: (_key(agents[place].sector), place))
        for nth, place in enumerate(members):
            row, column = divmod(nth, columns)
            centres[place] = (wide * (column + 0.5), top + high * row + 30)
        top += high * math.ceil(len(members) / columns)
    drawn = [_tie(centres[one.above], centres[one.below], one, agents, scale) for one in ties[:_MAX_TIES]]
    marks += [*drawn, *(_bubble(agents[place], ideas, centre, scale, wide) for place, centre in centres.items())]
    end, legend = placed(_legend([one.state for one in agents], ties), top, width)
    return Sheet(end, [*marks, *legend])


def _bubble(
    agent: AgentOutcome, ideas: Mapping[str, int], centre: tuple[float, float], scale: _Scale, room: float
) -> Markup:
    x, y = centre
    radius = scale.radius(agent)
    count = ideas.get(agent.name, 0)
    hint = f"{clean(agent.name, 64)}: {_tokens(agent):,} tokens, {count:,} idea{'s' if count != 1 else ''}"
    inside = cross(x, y, 8) if agent.state == "failed" else text(x, y + 4, f"{count:,}", "count", "middle")
    below = _STATES.get(agent.state) or agent.role
    words = [
        text(x, y + 41, fitted(agent.name, room - 8, 12.5), "name", "middle"),
        text(x, y + 56, fitted(agent.sector, room - 8, 11), "small quiet", "middle"),
        text(x, y + 70, fitted(below, room - 8, 11), "small quiet", "middle"),
    ]
    return Markup("").join([circle(x, y, radius, f"agent {agent.state}", says=hint), inside, *words])


def _tie(
    above: tuple[float, float], below: tuple[float, float], tie: _Tie, agents: Sequence[AgentOutcome], scale: _Scale
) -> Markup:
    """A bent line with an arrowhead, from rim to rim."""
    (x1, y1), (x2, y2) = above, below
    length = math.hypot(x2 - x1, y2 - y1) or 1.0
    bend = min(0.18 * length, 34)
    mid = ((x1 + x2) / 2 - bend * (y2 - y1) / length, (y1 + y2) / 2 + bend * (x2 - x1) / length)
    start = _towards(above, mid, scale.radius(agents[tie.above]) + 2)
    end = _towards(below, mid, scale.radius(agents[tie.below]) + 3)
    kind = "asked" if tie.asked else "bred"
    curve = f"M{at(start[0])} {at(start[1])}Q{at(mid[0])} {at(mid[1])} {at(end[0])} {at(end[1])}"
    return path(curve, f"tie {kind}") + _head(mid, end, "head")


def _towards(origin: tuple[float, float], goal: tuple[float, float], distance: float) -> tuple[float, float]:
    dx, dy = goal[0] - origin[0], goal[1] - origin[1]
    length = math.hypot(dx, dy) or 1.0
    return origin[0] + dx * distance / length, origin[1] + dy * distance / length


def _head(before: tuple[float, float], tip: tuple[float, float], kind: str) -> Markup:
    angle = math.atan2(tip[1] - before[1], tip[0] - before[0])
    points = [(tip[0] - 7 * math.cos(angle + side), tip[1] - 7 * math.sin(angle + side)) for side in (0.42, -0.42)]
    way = f"M{at(tip[0])} {at(tip[1])}" + "".join(f"L{at(x)} {at(y)}" for x, y in points)
    return path(f"{way}Z", kind)


def _legend(states: Sequence[str], ties: Sequence[_Tie]) -> list[Key]:
    """What each mark means, for those that are there."""
    found: list[Key] = []
    if "failed" in states:
        found.append((lambda x, y: circle(x, y, 6, "agent failed") + cross(x, y, 5), "failed"))
    if "pending" in states:
        found.append((lambda x, y: circle(x, y, 6, "agent pending"), "waits for a decision"))
    if any(one.asked for one in ties):
        found.append((lambda x, y: line(x - 8, y, x + 8, y, "tie asked"), "asked for"))
    if any(not one.asked for one in ties):
        found.append((lambda x, y: line(x - 8, y, x + 8, y, "tie bred"), "bred from"))
    return found


# ---- many agents, as dots by group


def _grouped(agents: Sequence[AgentOutcome]) -> tuple[str, list[tuple[str, list[AgentOutcome]]]]:
    """By sector, or by role where sectors are too many; the largest group first."""
    by_sector = _groups(agents, lambda one: one.sector)
    if len(by_sector) <= MAX_GROUPS:
        return "sector", by_sector
    by_role = _groups(agents, lambda one: one.role)
    if len(by_role) <= MAX_GROUPS:
        return "role", by_role
    kept, rest = by_sector[: MAX_GROUPS - 1], by_sector[MAX_GROUPS - 1 :]
    others = [one for _, members in rest for one in members]
    return "sector", [*kept, (f"{len(rest):,} other sectors", others)]


def _groups(agents: Sequence[AgentOutcome], of: Callable[[AgentOutcome], str]) -> list[tuple[str, list[AgentOutcome]]]:
    found: dict[str, tuple[str, list[AgentOutcome]]] = {}
    for one in agents:
        found.setdefault(_key(of(one)), (of(one)[:200].strip() or _NONE, []))[1].append(one)
    return sorted(found.values(), key=lambda one: (-len(one[1]), _key(one[0])))


def _dots(groups: Sequence[tuple[str, list[AgentOutcome]]], scale: _Scale, width: int) -> Sheet:
    beside = width > 2 * _LABELS
    left = _LABELS if beside else 0
    pitch = 2 * scale.most + 1
    columns = max(int((width - left) // pitch), 1)
    named = sum(len(members) for _, members in groups) <= _HINTS
    marks: list[Markup] = []
    dots: dict[str, list[Markup]] = {}
    top = 0.0
    for label, members in groups:
        count = f" {len(members):,}"
        words = fitted(label, (left or width) - 14 - width_of(count), 12)
        marks.append(text(0, top + 13, words) + text(left - 12 if beside else width, top + 13, count, "quiet", "end"))
        top += 0 if beside else 17
        for nth, one in enumerate(sorted(members, key=lambda one: (one.generation, -_tokens(one)))):
            row, column = divmod(nth, columns)
            x, y = left + pitch * (column + 0.5), top + 9 + pitch * row
            hint = clean(one.name, 64) if named else ""
            dots.setdefault(one.state, []).append(_dot(one, x, y, scale.radius(one), hint))
        top += max(pitch * math.ceil(len(members) / columns) + 7, ROW - 3)
        marks.append(line(0, top - 3, width, top - 3, "rule"))
    agents = [one for _, members in groups for one in members]
    end, legend = placed([*_shapes(agents), *_legend([one.state for one in agents], [])], top, width)
    return Sheet(end, [*marks, *(group(f"agent {state}", drawn) for state, drawn in dots.items()), *legend])


def _dot(agent: AgentOutcome, x: float, y: float, radius: float, hint: str) -> Markup:
    """Its generation is its shape."""
    if agent.state == "failed":
        return cross(x, y, max(radius, 3.5))
    if agent.generation <= 0:
        return circle(x, y, radius, says=hint)
    return polygon(x, y, radius + 0.6, 4 if agent.generation == 1 else 3, says=hint)


def _shapes(agents: Sequence[AgentOutcome]) -> list[Key]:
    generations = {min(one.generation, 2) for one in agents if one.state != "failed"}
    if len(generations) < 2:
        return []
    known: list[Key] = [
        (lambda x, y: circle(x, y, 5, "agent live"), "generation 0"),
        (lambda x, y: polygon(x, y, 5.6, 4, "agent live"), "1"),
        (lambda x, y: polygon(x, y, 5.6, 3, "agent live"), "2 and later"),
    ]
    return [known[one] for one in sorted(generations)]


def _bars(groups: Sequence[tuple[str, list[AgentOutcome]]], width: int) -> Sheet:
    left = _LABELS if width > 2 * _LABELS else 120
    room = width - left - 120
    most = max(len(members) for _, members in groups)
    marks: list[Markup] = []
    for nth, (label, members) in enumerate(groups):
        y = ROW * nth
        failed = sum(one.state == "failed" for one in members)
        length = room * len(members) / most
        marks += [text(0, y + 14, fitted(label, left - 10)), box(left, y + 4, length, 12, "bar")]
        words = f"{len(members):,}{f' ({failed:,} failed)' if failed else ''}"
        marks.append(text(left + length + 6, y + 14, words, "small quiet"))
    return Sheet(ROW * len(groups) + 4, marks)
