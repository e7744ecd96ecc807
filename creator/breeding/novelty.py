"""Novelty: whether a bred agent differs enough from those that live.

Two characters are compared by their words alone, whatever the order: those of the brief and of the slots' texts, or,
where a model wrote the module, those of the brief and of the module's texts. Left out is what two agents share without
being alike, or differ in without being different: the words of persona and sector (all goals of a sector begin with "My
goal is to help bakeries"), numbers, and docstrings. Modules that a model wrote are also compared by what they do:
without their texts they must not be the same.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rapidfuzz.distance import Indel

from creator.blueprint import Blueprint
from creator.policy.source import parse
from creator.templates.slots import as_text

TOO_ALIKE: Final = 0.85
"""Share of common words from which on an agent is no new one: about one sentence of its character is its own."""
MAX_TEXT: Final = 20_000
"""Characters that are compared of one text."""


def novelty_problem(blueprint: Blueprint, living: Iterable[Blueprint], sources: Mapping[str, str] | None = None) -> str:
    """Why an agent is no new one, in words; empty when it differs enough from everybody.

    Args:
        blueprint: The new agent's.
        living: Those of the agents that live.
        sources: The modules of all of them by name, when a model wrote the new one's; None for a filled template.
    """
    own, closest, most = _character(blueprint, sources), "", 0.0
    for one in living:
        other = _character(one, sources)
        if own.behaviour and own.behaviour == other.behaviour:
            return (
                f"too much like {one.name}: but for their texts the two modules are the same, so they behave the same"
            )
        alike = likeness(own.words, other.words)
        if alike > most:
            closest, most = one.name, alike
    if most < TOO_ALIKE:
        return ""
    return f"too much like {closest}: {round(100 * most)} % of the words that describe it are the same"


def likeness(first: Sequence[str], second: Sequence[str]) -> float:
    """The share of the words of two texts that both have, from 0 to 1 (the Sørensen-Dice coefficient).

    Args:
        first: Words in alphabetical order; one that stands twice counts twice.
        second: Likewise. Of ordered words the longest common subsequence is what both have.
    """
    return Indel.normalized_similarity(first, second) if first and second else 0.0


@dataclass(frozen=True)
class _Character:
    """What of an agent is compared.

    Attributes:
        words: Those that describe it, in alphabetical order.
        behaviour: A digest of what its module does; empty where that does not count, or is not known.
    """

    words: Sequence[str]
    behaviour: str = ""


def _character(blueprint: Blueprint, sources: Mapping[str, str] | None) -> _Character:
    brief = blueprint.brief
    texts = [brief.role, brief.temperament, brief.topic, brief.customer, brief.technology]
    if sources is None:
        kept = {slot: value for slot, value in blueprint.slots.items() if slot not in ("persona", "sector")}
        texts += [as_text(value) for value in kept.values() if isinstance(value, str | list)]
        behaviour = ""
    else:
        behaviour, said = _module(sources.get(blueprint.name, ""))
        texts.append(said)
    shared = {*_split(" ".join([blueprint.persona, brief.persona, blueprint.sector, brief.sector]))}
    words = [word for text in texts for word in _split(text[:MAX_TEXT]) if word not in shared]
    return _Character(sorted(words), behaviour)


def _split(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


@lru_cache(maxsize=1_024)
def _module(source: str) -> tuple[str, str]:
    """A digest of what a module does, and its texts; both empty when it is no Python within the policy's bounds."""
    tree = parse(source, lambda rule, line, column, message: None)
    if tree is None or not tree.body:
        return "", ""
    without = _WithoutTexts()
    bare = ast.dump(without.visit(tree))
    return hashlib.sha256(bare.encode("utf-8", "replace")).hexdigest(), " ".join(without.texts)


class _WithoutTexts(ast.NodeTransformer):
    """Makes every text the empty one; of a list of texts, however long, nothing stays but that it is one."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        """Those that were taken out, but for docstrings."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if not isinstance(node.value, str | bytes):
            return node
        self.texts.append(str(node.value))
        return ast.Constant("")

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        """Of a text with values in it, the values."""
        visited = [self.visit(value) for value in node.values]
        values = [value for value in visited if not isinstance(value, ast.Constant)]
        return ast.JoinedStr(values) if values else ast.Constant("")

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Nothing of docstrings and other texts that stand alone."""
        alone = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if alone else self.generic_visit(node)

    def visit_List(self, node: ast.List) -> ast.expr:
        return self._without_items(node)

    def visit_Tuple(self, node: ast.Tuple) -> ast.expr:
        return self._without_items(node)

    def visit_Set(self, node: ast.Set) -> ast.expr:
        return self._without_items(node)

    def _without_items(self, node: ast.List | ast.Tuple | ast.Set) -> ast.expr:
        self.generic_visit(node)
        if all(isinstance(one, ast.Constant) and one.value == "" for one in node.elts):
            node.elts = node.elts[:1]
        return node
