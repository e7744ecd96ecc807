"""The family of a run: who asked for whom, and who was bred from whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from creator.outcome import AgentOutcome
from creator.text import clean
from creator.wishes import USER

MAX_LEVELS: Final = 100
"""How deep a branch goes; whoever would stand deeper, as in a damaged record, begins another one."""

STATES: Final = {"live": "live", "failed": "failed", "pending": "waits for a decision"}
"""What has become of an agent, in words."""
_SHOWN_NAMES: Final = 4


@dataclass(frozen=True)
class Branch:
    """An agent with those that it asked for, and those that were bred from it.

    Attributes:
        agent: The agent.
        others: Names that it stems from as well, besides the agent that it stands under; of agents of this run or not.
        children: In the order in which they were born.
    """

    agent: AgentOutcome
    others: tuple[str, ...]
    children: tuple[Branch, ...]


def family_of(agents: Sequence[AgentOutcome]) -> list[Branch]:
    """The branches of a family, each agent once.

    Each stands under the agent that asked for it, or else under the first of its parents. Whoever the user asked for
    begins a branch, and so does one whose parents are not of this run, or would be their own ancestors.
    """
    above = _agents_above(agents)
    below: dict[int | None, list[int]] = {}
    for child, parent in enumerate(above):
        below.setdefault(parent, []).append(child)
    roots, order = list(below.get(None, [])), list[int]()
    waiting = [(root, 1) for root in reversed(roots)]
    while waiting:
        one, level = waiting.pop()
        order.append(one)
        children = below.get(one, [])
        if level == MAX_LEVELS:
            roots, level = roots + children, 0
            for child in children:
                above[child] = None
            below[one] = []
        waiting += [(child, level + 1) for child in reversed(children)]
    grown: dict[int, Branch] = {}
    for one in reversed(order):  # children before whom they stand under
        agent, parent = agents[one], above[one]
        known = agents[parent].name if parent is not None else None
        others = tuple(name for name in origins(agent) if name != known)
        grown[one] = Branch(agent, others, tuple(grown[child] for child in below.get(one, [])))
    return [grown[root] for root in sorted(roots)]


def _agents_above(agents: Sequence[AgentOutcome]) -> list[int | None]:
    """By place: the place of the agent that each stands under; None for one that begins a branch."""
    places: dict[str, int] = {}
    for place, agent in enumerate(agents):
        places.setdefault(agent.name, place)
    above: list[int | None] = [None] * len(agents)
    for place, agent in enumerate(agents):
        known = (places[name] for name in origins(agent) if name in places)
        above[place] = next((one for one in known if place not in _line(one, above)), None)
    return above


def _line(place: int | None, above: Sequence[int | None]) -> Iterator[int]:
    """A place, that above it, and so on."""
    while place is not None:
        yield place
        place = above[place]


def origins(agent: AgentOutcome) -> list[str]:
    """Whom an agent stems from: who asked for it, then its parents."""
    asked = [agent.asked_by] if agent.asked_by not in ("", USER) else []
    return list(dict.fromkeys([*asked, *agent.parents]))


def described(branch: Branch, *, begins: bool) -> str:
    """What a family tree tells of an agent beside its name, in one line of plain text.

    Args:
        branch: The agent's.
        begins: Whether it stands under nobody.
    """
    agent = branch.agent
    facts = [clean(agent.sector, 60), STATES[agent.state]]
    if agent.generation:
        facts.append(f"generation {agent.generation}")
    if agent.asked_by == USER:
        facts.append("added by the user")
    if branch.others:
        names = ", ".join(clean(name, 64) for name in branch.others[:_SHOWN_NAMES])
        more = f" and {len(branch.others) - _SHOWN_NAMES} more" if len(branch.others) > _SHOWN_NAMES else ""
        facts.append(f"{'from' if begins else 'with'} {names}{more}")
    return ", ".join(fact for fact in facts if fact)
