"""Heritage: what an offspring takes over from its parents; whatever it lacks is written for it alone."""

from __future__ import annotations

import ast
import io
import random
import re
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from creator.blueprint import Blueprint
from creator.policy.source import parse
from creator.templates.slots import SlotValue, as_text, usable_slots

SHOWN_SOURCE: Final = 12_000
"""Characters of a parent's module that are handed on; the rest is left out, from a line's beginning."""


@dataclass(frozen=True)
class Heritage:
    """What an offspring takes over.

    Attributes:
        slots: Values of its parents' slots that it keeps, by slot.
        sources: Its parents' modules as `shown_source` gives them, for a model that writes code.
    """

    slots: dict[str, SlotValue] = field(default_factory=dict)
    sources: tuple[str, ...] = ()

    def for_try(self, attempt: int, seed: int) -> Heritage:
        """What of it is used for a try: all of it, then half of the slots, then nothing.

        An offspring that was refused for being too much like somebody takes over less each time, and the last try
        is written as freely as an agent without parents.

        Args:
            attempt: Which try this is, counted from 1.
            seed: For which half is kept.
        """
        if attempt <= 1:
            return self
        if attempt > 2:
            return Heritage()
        kept = random.Random(seed).sample(sorted(self.slots), len(self.slots) // 2)
        return replace(self, slots={slot: value for slot, value in self.slots.items() if slot in kept})

    def known(self, schema: Mapping[str, Any]) -> dict[str, SlotValue]:
        """The inherited values for the slots of a template, cleaned as any others; never a persona.

        Args:
            schema: The template's schema.
        """
        values = usable_slots(self.slots, schema)
        return {slot: value for slot, value in values.items() if slot != "persona"}


def names_of(blueprint: Blueprint) -> list[str]:
    """All that an agent is called: its persona, the one that was suggested for it, and its name."""
    return list(dict.fromkeys([blueprint.persona, blueprint.brief.persona, blueprint.name]))


def is_personal(value: SlotValue, owner: Blueprint) -> bool:
    """Whether a slot's value names the agent that it belongs to, by any of its names or the first one alone."""
    text = as_text(value)
    if any(_named(name, re.IGNORECASE).search(text) for name in names_of(owner)):
        return True
    return any(_named(first).search(text) for first in _first_names(owner))


def shown_source(source: str, parent: Blueprint, persona: str) -> str:
    """A parent's module as the author of its offspring sees it.

    The module's docstring is left out: it tells who the parent is and where it comes from. Elsewhere the offspring's
    persona stands in place of the parent's, so that what is copied names nobody wrongly.

    Args:
        source: The parent's module.
        parent: Its blueprint.
        persona: What the offspring is to be called.

    Returns:
        At most `SHOWN_SOURCE` characters; nothing when the module is no Python within the policy's bounds.
    """
    source = source.replace("\r\n", "\n")
    tree = parse(source, lambda rule, line, column, message: None)
    if tree is None or not tree.body:
        return ""
    lines, first = source.split("\n"), tree.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        del lines[first.lineno - 1 : first.end_lineno]
    text = _renamed("\n".join(lines).strip() + "\n", parent, persona, _identifiers(source))
    return text if len(text) <= SHOWN_SOURCE else text[: text.rfind("\n", 0, SHOWN_SOURCE) + 1]


def _renamed(text: str, parent: Blueprint, persona: str, identifiers: set[str]) -> str:
    for name in names_of(parent):
        if name.casefold() not in identifiers:
            text = _named(name, re.IGNORECASE).sub(lambda _: persona, text)
    for name in _first_names(parent):
        # A word that is also written in small letters, such as "the", is no name.
        if name.casefold() not in identifiers and not _named(name.lower()).search(text):
            text = _named(name).sub(lambda _: persona.split(maxsplit=1)[0], text)
    return text


def _first_names(blueprint: Blueprint) -> list[str]:
    return list(dict.fromkeys(name.split()[0] for name in (blueprint.persona, blueprint.brief.persona) if name.strip()))


def _named(name: str, flags: int = 0) -> re.Pattern[str]:
    """Finds a name where it stands as a word of its own."""
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", flags)


def _identifiers(source: str) -> set[str]:
    """The names and keywords of a module that has been parsed, in small letters."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.string.casefold() for token in tokens if token.type == tokenize.NAME}
