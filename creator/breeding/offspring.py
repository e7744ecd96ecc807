"""Breeding: wishes for offspring of the agents that had the best ideas.

An offspring recombines two parents, part by part, and some parts mutate: a part of its brief is taken from a brief that
is drawn anew, a slot is left out and so filled anew. Its name for people is always its own. The same seed breeds the
same wishes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, permutations
from typing import Final

from creator.blueprint import Blueprint
from creator.breeding.heritage import Heritage, is_personal, names_of, shown_source
from creator.briefs import Brief, BriefData, draw_briefs
from creator.templates.rendering import Template
from creator.templates.slots import SlotValue, as_text, usable_slots
from creator.wishes import Wish

MUTATED_SLOTS: Final = 1 / 3
"""Share of the slots that are filled anew, of those that could be inherited."""
MUTATED_PART: Final = 0.2
"""How probable it is that a part of a brief is drawn anew."""
MUTATED_SECTOR: Final = 0.1
BRIEF_TRIES: Final = 10
"""How often a brief is recombined until it is nobody else's; each time more of it is likely to mutate."""

_PARTS: Final = ("role", "topic", "temperament", "customer", "technology")
_NOT_MUTATED: Final = ("persona", "sector")
"""Slots that follow from the brief."""


def breed(
    parents: Sequence[Blueprint],
    count: int,
    *,
    numbers: Iterator[int],
    generation: int,
    living: Sequence[Blueprint],
    templates: Mapping[str, Template],
    data: BriefData,
    seed: int,
    read_source: Callable[[str], str],
) -> list[Wish]:
    """Wishes for the offspring of agents.

    Every parent has offspring as long as there are places for all, two for each offspring; beyond that the first
    parent is drawn twice as often as the last.

    Args:
        parents: The best first; an offspring has two different ones, where there are two.
        count: How many offspring.
        numbers: Gives the numbers of births.
        generation: Which generation they are, from 1.
        living: All agents that live: no offspring is called as one of them, or has its brief.
        templates: What there is to fill, by name.
        data: What briefs are drawn from.
        seed: The run's seed.
        read_source: Gives the module of an agent by its name; an empty text where no model writes code.

    Raises:
        ValueError: There are no parents.
    """
    if not parents:
        raise ValueError("offspring need at least one parent")
    dice = random.Random(f"{seed}/breeding/{generation}")
    strangers = draw_briefs(count, dice.getrandbits(32), data)
    everybody = {one.name: one for one in [*living, *parents]}.values()
    briefs = {_key(one.brief) for one in everybody}
    personas = {name.casefold() for one in everybody for name in names_of(one)}
    wishes = []
    for place, pair in enumerate(_pairs(parents, count, dice)):
        brief = _brief(pair, strangers[place], briefs, personas, data, dice)
        briefs.add(_key(brief))
        personas.add(brief.persona.casefold())
        template = dice.choice([one.template for one in pair if one.template in templates] or sorted(templates))
        slots = _slots(pair, templates[template], brief, dice)
        sources = [shown_source(read_source(one.name), one, brief.persona) for one in pair]
        wishes.append(
            Wish(
                next(numbers),
                brief,
                template,
                tuple(one.name for one in pair),
                generation=generation,
                heritage=Heritage(slots, tuple(one for one in sources if one)),
            )
        )
    return wishes


def _pairs(parents: Sequence[Blueprint], count: int, dice: random.Random) -> list[tuple[Blueprint, ...]]:
    """Who are the parents of each offspring."""
    ranks = range(len(parents))
    waiting = dice.sample(ranks, len(parents))
    if len(parents) > 2 * count:
        waiting = [rank for rank in waiting if rank < 2 * count]
    pairs = []
    for _ in range(count):
        first = waiting.pop() if waiting else _drawn(ranks, dice)
        others = [rank for rank in ranks if rank != first]
        second = [waiting.pop() if waiting else _drawn(others, dice)] if others else []
        pairs.append(tuple(parents[rank] for rank in (first, *second)))
    return pairs


def _drawn(ranks: Sequence[int], dice: random.Random) -> int:
    """A rank; the weights fall evenly from 2 to 1."""
    last = max(ranks[-1], 1)
    return dice.choices(ranks, [2 - rank / last for rank in ranks])[0]


def _brief(
    pair: Sequence[Blueprint],
    stranger: Brief,
    taken: set[tuple[str, ...]],
    personas: set[str],
    data: BriefData,
    dice: random.Random,
) -> Brief:
    """A recombination of the parents' briefs that is in no other agent's, if that can be had."""
    parts: dict[str, str] = {}
    for tried in range(BRIEF_TRIES):
        parts = _recombined([one.brief for one in pair], stranger, MUTATED_PART + tried / BRIEF_TRIES, data, dice)
        if tuple(parts.values()) not in taken:
            break
    return Brief(persona=_persona(parts["sector"], personas, data, dice), **parts)


def _recombined(
    briefs: Sequence[Brief], stranger: Brief, probability: float, data: BriefData, dice: random.Random
) -> dict[str, str]:
    """The parts of a brief, each from one of the parents or, as a mutation, from the stranger; in the order of _key."""
    moved = dice.random() < MUTATED_SECTOR
    parts = {"sector": stranger.sector if moved else dice.choice(briefs).sector}
    for part in _PARTS:
        inherited = [value for one in briefs if (value := getattr(one, part))]
        mutated = dice.random() < probability or not inherited or (moved and part == "topic")
        value = getattr(stranger, part) if mutated else dice.choice(inherited)
        if mutated and part == "topic" and not moved:
            value = dice.choice(_topics(parts["sector"], data) or [value])
        parts[part] = value or (dice.choice(inherited) if inherited else "")
    return parts


def _key(brief: Brief) -> tuple[str, ...]:
    """All of a brief but its persona."""
    return (brief.sector, *(getattr(brief, part) for part in _PARTS))


def _topics(sector: str, data: BriefData) -> list[str]:
    return [topic for one in data.sectors if one.sector == sector for topic in one.topics]


def _persona(sector: str, taken: set[str], data: BriefData, dice: random.Random) -> str:
    """A name for people that nobody has, with a first name that nobody has as long as there is one."""
    family = next((one.word for one in data.sectors if one.sector == sector), "Field")
    first_names = dice.sample(data.first_names, len(data.first_names))
    used = {persona.split()[0] for persona in taken if persona.split()}
    ordered = sorted(first_names, key=lambda name: name.casefold() in used)
    doubled = (f"{first} {second}" for first, second in permutations(ordered, 2))
    return next(one for name in chain(ordered, doubled) if (one := f"{name} {family}").casefold() not in taken)


def _slots(pair: Sequence[Blueprint], template: Template, brief: Brief, dice: random.Random) -> dict[str, SlotValue]:
    """The values that an offspring keeps, each from one of its parents."""
    inherited: dict[str, SlotValue] = {}
    for slot, one in template.schema["properties"].items():
        offered = [parent.slots[slot] for parent in pair if _is_heritable(slot, one, parent, brief)]
        if offered:
            inherited[slot] = dice.choice(offered)
    free = [slot for slot in inherited if slot not in _NOT_MUTATED]
    is_whole = len(free) + len(_NOT_MUTATED) == len(template.schema["properties"])
    mutated = dice.sample(free, min(len(free), max(round(len(free) * MUTATED_SLOTS), int(is_whole))))
    return {slot: value for slot, value in inherited.items() if slot not in mutated}


def _is_heritable(slot: str, one: Mapping[str, object], parent: Blueprint, brief: Brief) -> bool:
    """Whether an offspring can have a parent's value as it is.

    It has to fit the slot, which may be another template's; not name the parent; and not speak of the parent's sector
    where the offspring has another.
    """
    if slot == "persona" or slot not in parent.slots:
        return False
    value = parent.slots[slot]
    if usable_slots({slot: value}, {"properties": {slot: one}}) != {slot: value} or is_personal(value, parent):
        return False
    return brief.sector == parent.brief.sector or not _mentions(as_text(value), (parent.sector, parent.brief.sector))


def _mentions(text: str, phrases: Iterable[str]) -> bool:
    return any(phrase.casefold() in text.casefold() for phrase in phrases)
