"""Briefs: what tells twenty new agents apart before a model has said a word.

A brief is drawn by our code, from shipped lists, so that a population covers many sectors and characters however
little imagination its model has.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Item = TypeVar("Item")


class Sector(BaseModel):
    """A field of business, with what there is to solve in it and for whom.

    ``sector`` and each of ``topics`` are noun phrases that fit "In {sector}, the biggest problem with {topic} is
    that" and "My goal is to help {sector} businesses"; each of ``customers`` fits "You think of {customer} first".
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sector: str
    word: str = Field(description="One word that the personas of this sector carry as a family name.")
    topics: tuple[str, ...]
    customers: tuple[str, ...]


class BriefData(BaseModel):
    """The lists that briefs are drawn from.

    Each of ``technologies`` is a noun phrase that fits "You like to use {technology}".
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sectors: tuple[Sector, ...]
    technologies: tuple[str, ...]
    roles: tuple[str, ...]
    temperaments: tuple[str, ...]
    first_names: tuple[str, ...]

    @property
    def combinations(self) -> int:
        """How many distinct briefs there are, told apart by sector, customer, technology and temperament."""
        return sum(len(one.customers) for one in self.sectors) * len(self.technologies) * len(self.temperaments)

    def customers_in(self, sector: str) -> tuple[str, ...]:
        """Whom agents of a sector may think of, also of one that is not in the lists."""
        known = (one.customers for one in self.sectors if one.sector.casefold() == sector.casefold())
        return next(known, (f"small businesses in {sector}",))


@cache
def brief_data() -> BriefData:
    """The lists in ``creator/data/briefs.json``, read once."""
    return BriefData.model_validate(json.loads(files("creator").joinpath("data/briefs.json").read_text("utf-8")))


def _default_persona(values: dict[str, Any]) -> str:
    """A persona for a brief that was made without one: always the same for the same brief."""
    data = brief_data()
    key = "|".join(str(values.get(field, "")) for field in ("sector", "role", "temperament", "topic"))
    first_name = random.Random(key).choice(data.first_names)
    words = [one.word for one in data.sectors if one.sector == values.get("sector")]
    return f"{first_name} {words[0] if words else 'Field'}"


class Brief(BaseModel):
    """What one new agent is to be about."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sector: str = Field(min_length=1, max_length=120)
    role: str = Field(min_length=1, max_length=120)
    temperament: str = Field(min_length=1, max_length=120)
    topic: str = Field(min_length=1, max_length=120)
    customer: str = Field(default="", max_length=120, description="Whom it thinks of.")
    technology: str = Field(default="", max_length=120, description="What it likes to use.")
    persona: str = Field(
        default_factory=_default_persona,
        min_length=1,
        max_length=120,
        description="A suggested name, for models that cannot be asked for a good one.",
    )

    def facts(self) -> dict[str, str]:
        """The brief as flat texts, for the beginnings that a small model continues."""
        told = {name: str(value) for name, value in self.model_dump().items()}
        return {**told, "businesses": businesses_of(self.sector)}


def businesses_of(sector: str) -> str:
    """A sector as a phrase for who works in it: ``hair salons`` as it is, ``plumbing businesses`` for ``plumbing``."""
    is_plural = sector.endswith("s") and (not sector.endswith(("ss", "us", "is", "ics")) or sector.endswith("clinics"))
    return sector if is_plural else f"{sector} businesses"


def _deck(items: Sequence[Item], dice: random.Random) -> Iterator[Item]:
    """Endless shuffled rounds: every item once before any comes again."""
    while True:
        yield from dice.sample(items, len(items))


def draw_briefs(n: int, seed: int, data: BriefData | None = None) -> list[Brief]:
    """Draws ``n`` distinct briefs: no sector, customer, technology and temperament come together twice.

    The same seed draws the same briefs, and fewer briefs are a beginning of more. Every list is a shuffled deck, so
    none of its items repeats before all of them were used; customers and topics are decks of their sector's own.

    Args:
        n: How many.
        seed: For the decks.
        data: What to draw from; None for the shipped lists.

    Raises:
        ValueError: ``n`` is below 0 or above the number of combinations that the lists allow.
    """
    data = data or brief_data()
    if not 0 <= n <= data.combinations:
        raise ValueError(f"cannot draw {n!r} briefs: choose a number from 0 to {data.combinations}")
    dice = random.Random(seed)
    sectors, technologies, roles = _deck(data.sectors, dice), _deck(data.technologies, dice), _deck(data.roles, dice)
    temperaments, names = _deck(data.temperaments, dice), _deck(data.first_names, dice)
    topics = {one.sector: _deck(one.topics, dice) for one in data.sectors}
    customers = {one.sector: _deck(one.customers, dice) for one in data.sectors}
    drawn: dict[tuple[str, str, str, str], Brief] = {}
    personas: set[str] = set()
    while len(drawn) < n:
        sector = next(sectors)
        customer, technology, temperament = next(customers[sector.sector]), next(technologies), next(temperaments)
        key = (sector.sector, customer, technology, temperament)
        if key in drawn:
            continue
        persona = f"{next(names)} {sector.word}"
        for _ in data.first_names:
            if persona not in personas:
                break
            persona = f"{next(names)} {sector.word}"
        personas.add(persona)
        drawn[key] = Brief(
            sector=sector.sector,
            role=next(roles),
            temperament=temperament,
            topic=next(topics[sector.sector]),
            customer=customer,
            technology=technology,
            persona=persona,
        )
    return list(drawn.values())
