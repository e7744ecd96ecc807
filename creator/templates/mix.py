"""A mix: weights of templates by name, and which template each agent of a population is made from."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Final

from creator.text import clean

DEFAULT_TEMPLATE: Final = "idea_agent"


def parse_mix(texts: Sequence[str]) -> dict[str, float]:
    """Weights by name, from texts such as ``idea_agent:3`` and ``critic_agent``; a comma separates as well.

    Raises:
        ValueError: A name is missing or stands twice, or a weight is no positive number.
    """
    mix: dict[str, float] = {}
    for item in (item.strip() for text in texts for item in text.split(",")):
        name, colon, weight = (part.strip() for part in item.partition(":"))
        if not name:
            raise ValueError("name a template, such as 'idea_agent' or 'idea_agent:3,critic_agent:1'")
        if name in mix:
            raise ValueError(f"the template {clean(name, 64)!r} stands there twice")
        mix[name] = _weight(name, weight) if colon else 1.0
    return mix


def _weight(name: str, text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not 0 < weight < math.inf:
        raise ValueError(f"the weight {clean(text, 40)!r} of {clean(name, 64)!r} is no positive number")
    return weight


def draw_templates(mix: Mapping[str, float], n: int, seed: int) -> list[str]:
    """Which template each of ``n`` agents is made from.

    Each template gets its share by the method of largest remainders, in every beginning of the list as in the whole:
    fewer are a beginning of more (but where that method itself takes a place back as ``n`` grows, which needs three
    templates or more). Among templates that are equally due the seed decides.

    Args:
        mix: Positive weights by name.
        n: How many agents.
        seed: The run's seed.
    """
    dice = random.Random(seed)
    weights = {name: Fraction(str(weight)) for name, weight in mix.items()}
    total = sum(weights.values())
    drawn: list[str] = []
    counts = dict.fromkeys(weights, 0)
    for number in range(1, n + 1):
        due = {name: number * weight / total - counts[name] for name, weight in weights.items()}
        most = max(due.values())
        name = dice.choice([name for name in due if due[name] == most])
        drawn.append(name)
        counts[name] += 1
    missing = list(_missing({name: n * weight / total for name, weight in weights.items()}, counts))
    surplus = {name: -count for name, count in missing if count < 0}
    lacking = [name for name, count in missing for _ in range(count)]
    for position in range(n - 1, -1, -1):
        if surplus.get(drawn[position], 0):
            surplus[drawn[position]] -= 1
            drawn[position] = lacking.pop()
    return drawn


def _missing(quotas: Mapping[str, Fraction], counts: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """By name: how many places the method of largest remainders gives it beyond those that it has."""
    floors = {name: math.floor(quota) for name, quota in quotas.items()}
    left = int(sum(quotas.values())) - sum(floors.values())
    # Of equal remainders, those that got their place already keep it.
    by_remainder = sorted(quotas, key=lambda name: (floors[name] - quotas[name], floors[name] - counts[name]))
    for name in quotas:
        yield name, floors[name] + (name in by_remainder[:left]) - counts[name]
