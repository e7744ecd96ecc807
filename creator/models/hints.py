"""Hints: how a small model fills a slot, from the schema's ``x-fill`` or, where there is none, from the slot itself.

A hint is a mapping with a ``kind``: ``fact`` takes over what is known, ``choice``, ``choices``, ``number`` and
``integer`` are drawn, and ``sentence``, ``phrase`` and ``list`` are asked of the model. A text of a hint may name
facts, such as ``{sector}``; a fact that is not known is left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from creator.briefs import Brief
from creator.templates.slot_schema import BrokenSlot
from creator.templates.slots import LIST_LENGTH, MAX_LIST, TEXT_LENGTH
from creator.text import clean

FACTS: Final = frozenset({*Brief.model_fields, "businesses", "objective"})
"""What is known of every agent before its slots are filled."""
_MAY_BE_EMPTY: Final = frozenset({"customer", "technology"})
"""Not every brief says them, and a slot is never left empty."""

_FACT: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}", re.ASCII)

_Text = Annotated[str, StringConstraints(min_length=1, max_length=400)]
_Pair = Annotated[list[_Text], Field(min_length=2, max_length=2)]


class _Hint(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, populate_by_name=False)

    kind: str


class _Fact(_Hint):
    fact: _Text


class _Choice(_Hint):
    choices: list[_Text | bool] = Field(alias="from", min_length=1, max_length=200)


class _Choices(_Hint):
    choices: list[_Text] = Field(alias="from", min_length=1, max_length=200)
    items: int = Field(ge=1, le=MAX_LIST)


class _Number(_Hint):
    low: float
    high: float

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"'low' ({self.low}) is above 'high' ({self.high})")
        return self


class _Integer(_Number):
    low: int
    high: int


class _Written(_Hint):
    ask: _Text | None = None
    min_chars: int = Field(default=4, ge=1, le=400)
    max_chars: int = Field(default=190, ge=1, le=400)

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.min_chars > self.max_chars:
            raise ValueError(f"'min_chars' ({self.min_chars}) is above 'max_chars' ({self.max_chars})")
        return self


class _Sentence(_Written):
    prefix: _Text | Annotated[list[_Text], Field(min_length=1, max_length=20)]
    system: _Text | None = None
    min_chars: int = Field(default=90, ge=1, le=400)
    keep_prefix: bool = True
    one_clause: bool = False
    plain_words: int | None = Field(default=None, ge=1, le=20)


class _Phrase(_Written):
    examples: list[_Pair] = Field(min_length=1, max_length=8)
    label: _Text | None = None
    max_chars: int = Field(default=60, ge=1, le=400)


class _List(_Phrase):
    first: _Text | None = None
    items: int = Field(ge=1, le=MAX_LIST)


_KINDS: Final[Mapping[str, type[_Hint]]] = {
    "fact": _Fact,
    "choice": _Choice,
    "choices": _Choices,
    "number": _Number,
    "integer": _Integer,
    "sentence": _Sentence,
    "phrase": _Phrase,
    "list": _List,
}
_KINDS_OF_TYPE: Final[Mapping[str, tuple[str, ...]]] = {
    "string": ("fact", "choice", "sentence", "phrase"),
    "number": ("number",),
    "integer": ("integer",),
    "boolean": ("choice",),
    "array": ("choices", "list"),
}

_EXAMPLES: Final = (
    ("Sector: bakeries. Topic: unsold bread.", ("daily demand", "surplus sales", "dough planning")),
    ("Sector: parcel delivery. Topic: failed first attempts.", ("pickup points", "route timing", "customer messages")),
    ("Sector: music schools. Topic: empty lesson slots.", ("waiting lists", "trial lessons", "teacher calendars")),
    ("Sector: scrap metal trading. Topic: price swings.", ("price alerts", "stock timing", "buyer contracts")),
)
"""For lists of a template's own: what they shall hold says the label."""


def with_facts(text: str, facts: Mapping[str, str]) -> str:
    """Put facts into a text of ours, by plain replacement in one pass: a fact is never itself a template."""
    return _FACT.sub(lambda match: facts.get(match[1], ""), text)


def named_facts(hint: object) -> Iterator[str]:
    """The facts that the texts of a hint name."""
    if isinstance(hint, str):
        yield from _FACT.findall(hint)
    elif isinstance(hint, Mapping | list):
        for one in hint.values() if isinstance(hint, Mapping) else hint:
            yield from named_facts(one)


def hints_for(properties: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """By slot, in the schema's order: how a small model fills it."""
    return {name: one["x-fill"] if "x-fill" in one else default_hint(name, one) for name, one in properties.items()}


def check_hints(properties: Mapping[str, Mapping[str, Any]]) -> None:
    """Whether a small model can fill every slot.

    Args:
        properties: The slots' descriptions by name; `creator.templates.slot_schema.check_slots` has passed them.

    Raises:
        BrokenSlot: An ``x-fill`` is wrong; the text says what to write instead.
    """
    known = set(FACTS)
    for name, hint in hints_for(properties).items():
        problem = _problem(hint, properties[name], known)
        if problem:
            raise BrokenSlot(name, f"'x-fill': {problem}")
        known.add(name)


def _problem(hint: object, one: Mapping[str, Any], known: Iterable[str]) -> str:
    """What is wrong with a hint; empty when nothing is."""
    kinds = ("choice",) if "enum" in one else _KINDS_OF_TYPE[one["type"]]
    kind = hint.get("kind") if isinstance(hint, Mapping) else None
    if kind not in kinds:
        what = "an 'enum'" if "enum" in one else f"the type {one['type']!r}"
        return f"its 'kind' is {clean(repr(kind), 60)}; for {what} it has to be {' or '.join(map(repr, kinds))}"
    try:
        _KINDS[kind].model_validate(hint)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part not in ("str", "bool"))
        text = clean(first["msg"], 200).removeprefix("Value error, ")
        return f"{where[:60]}: {text}" if where else text
    assert isinstance(hint, Mapping)
    if kind == "fact" and hint["fact"] not in known:
        return f"the fact {clean(hint['fact'], 60)!r} is not known here; known are: {', '.join(sorted(known))}"
    if kind in ("choice", "choices"):
        return _problem_of_choices(hint["from"], one)
    return ""


def _problem_of_choices(choices: list[Any], one: Mapping[str, Any]) -> str:
    kind = bool if one["type"] == "boolean" else str
    for choice in choices:
        if isinstance(choice, str) and not clean(choice):
            return f"nothing of its choice {ascii(choice)[:60]} can be seen"
        if not isinstance(choice, kind):
            return f"its choice {clean(repr(choice), 60)} is no {'text' if kind is str else 'true or false'}"
        if "enum" in one and (choice not in one["enum"] or _FACT.search(str(choice))):
            return f"its choice {clean(repr(choice), 60)} is not in the 'enum', or names a fact"
    return ""


def default_hint(name: str, one: Mapping[str, Any]) -> dict[str, Any]:
    """A hint for a slot that its template gives none.

    Args:
        name: The slot's name.
        one: Its description.
    """
    match one["type"]:
        case "string" if "enum" in one:
            return {"kind": "choice", "from": list(one["enum"])}
        case "string" if name in FACTS - _MAY_BE_EMPTY:
            return {"kind": "fact", "fact": name}
        case "string":
            return _default_sentence(name, one)
        case "array":
            return _default_list(name, one)
        case "boolean":
            return {"kind": "choice", "from": [True, False]}
        case "integer":
            low, high = _range(one, width=10)
            return {"kind": "integer", "low": math.ceil(low), "high": math.floor(high)}
        case _:
            low, high = _range(one, width=1)
            return {"kind": "number", "low": float(low), "high": float(high)}


def _default_sentence(name: str, one: Mapping[str, Any]) -> dict[str, Any]:
    """The slot's description, up to its first stop, becomes the beginning of a sentence."""
    said = re.split(r"[.,:;!?()\n]", clean(one.get("description", ""), 200))[0].strip()
    words = re.sub(r"[{}]", "", said) or f"the {name.replace('_', ' ')}"
    prefix = f"In {{sector}}, {words[:1].lower()}{words[1:120]} is"
    length = one.get("maxLength", TEXT_LENGTH)
    room = length - len(prefix) - 80  # for the sector, which may be longer than its name
    keep = room >= 60
    most = min(room if keep else length, 190)
    return {
        "kind": "sentence",
        "prefix": prefix,
        "keep_prefix": keep,
        "min_chars": max(1, min(60, most // 2)),
        "max_chars": most,
    }


def _default_list(name: str, one: Mapping[str, Any]) -> dict[str, Any]:
    items = min(3, one.get("maxItems", LIST_LENGTH))
    return {
        "kind": "list",
        "label": name.replace("_", " ").capitalize(),
        "items": items,
        "min_chars": 4,
        "max_chars": 55 * items,
        "ask": "Sector: {sector}. Topic: {topic}.",
        "examples": [[asked, ", ".join(answer[:items])] for asked, answer in _EXAMPLES],
    }


def _range(one: Mapping[str, Any], width: float) -> tuple[float, float]:
    """The bounds of a number; one that is missing is guessed from the other."""
    low, high = one.get("minimum"), one.get("maximum")
    if low is None:
        low = 0 if high is None or high >= 0 else high - width
    return low, low + width if high is None else high
