"""Agents to breed from, made without a model."""

from __future__ import annotations

import itertools
from typing import Any

from creator.blueprint import Blueprint, blueprint_from_values
from creator.breeding.offspring import breed
from creator.briefs import Brief, brief_data, draw_briefs
from creator.templates.examples import example_values
from creator.templates.rendering import Template, load_template
from creator.wishes import Wish

TEMPLATES = {name: load_template(name) for name in ("idea_agent", "founder_agent")}


def founder(brief: Brief, template: Template = TEMPLATES["idea_agent"], **changes: Any) -> Blueprint:
    """An agent without parents; each has a goal and numbers of its own."""
    values = example_values(template, brief) | {"goal": f"Wants {brief.topic} to be no worry of anybody's any more."}
    return blueprint_from_values(
        {**values, **changes}, template, brief=brief, run_id="run-1", model="scripted", taken=set()
    )


def founders(count: int, seed: int = 3) -> list[Blueprint]:
    """The first generation, of two templates in turn."""
    templates = list(TEMPLATES.values())
    return [founder(brief, templates[place % 2]) for place, brief in enumerate(draw_briefs(count, seed))]


def child(wish: Wish, **changes: Any) -> Blueprint:
    """What becomes of a wish, when no model has a part in it."""
    assert wish.heritage is not None
    template = TEMPLATES[wish.template]
    values = {**example_values(template, wish.brief), **wish.heritage.slots, **changes}
    return blueprint_from_values(
        values, template, brief=wish.brief, run_id="run-1", model="scripted", taken=set(), parents=list(wish.parents)
    )


def bred(parents: list[Blueprint], count: int, **changes: Any) -> list[Wish]:
    """Offspring of the second generation."""
    known: dict[str, Any] = {
        "numbers": itertools.count(50),
        "data": brief_data(),
        "generation": 1,
        "living": parents,
        "templates": TEMPLATES,
        "seed": 7,
        "read_source": lambda name: "",
    }
    return breed(parents, count, **{**known, **changes})
