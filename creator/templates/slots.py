"""Slots: what a template leaves open, and how a model's values for them are cleaned and bounded.

A template's JSON Schema describes its slots. A model's texts are data of unknown origin and unknown length: one that
is too long is shortened and an odd number is clamped, because a new call costs more than a lost half-sentence. Only
what is missing makes an answer fail.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from creator.errors import InvalidAnswer
from creator.text import clean, encodable

SlotValue: TypeAlias = bool | int | float | str | list[str]
"""What a slot can hold."""

REQUIRED: Final = ("persona", "sector")
"""Text slots that every template has: an agent's name is made of its persona, colleagues are found by sector."""
REQUIRED_LENGTH: Final = 200

TEXT_LENGTH: Final = 400
"""Characters of a text slot whose schema names no ``maxLength``."""
ITEM_LENGTH: Final = 80
LIST_LENGTH: Final = 6
MAX_SLOTS: Final = 40
MAX_TEXT: Final = 4_000
MAX_LIST: Final = 32
MAX_NUMBER: Final = 10**9
CHOICE_LENGTH: Final = 60
MAX_CHOICES: Final = 100

BOUNDS: Final = frozenset({"maxLength", "minLength", "maxItems", "minItems", "minimum", "maximum"})
"""Keywords that we enforce by cleaning; providers are not asked to, as many refuse them."""

_LIST_SEPARATOR: Final = re.compile(r"[,;\n]")
_BULLET: Final = re.compile(r"^(?:[-*•]|\d{1,2}[.)])\s+")
_MISSING: Final = object()


def clean_text(value: object, max_length: int) -> str:
    """A model's text on one line: valid Unicode, nothing invisible, at most ``max_length`` characters.

    A text that is too long ends at a word, with "…".
    """
    text = value if isinstance(value, str) else "" if value is None else str(value)
    # Four times the bound leaves room for what is about to be dropped; the rest need not be looked at.
    text = clean(encodable(text[: 4 * max_length + 1_000]))
    if len(text) <= max_length:
        return text
    cut = text[: max_length - 1]
    at_word = cut.rpartition(" ")[0]
    return (at_word if len(at_word) > max_length // 2 else cut).rstrip(" ,;:-") + "…"


def number_bounds(one: Mapping[str, Any]) -> tuple[float, float]:
    """The least and the greatest number that a slot takes; whole numbers for an integer."""
    low, high = one.get("minimum", -MAX_NUMBER), one.get("maximum", MAX_NUMBER)
    return (math.ceil(low), math.floor(high)) if one.get("type") == "integer" else (low, high)


def clean_slots(values: object, schema: Mapping[str, Any]) -> dict[str, SlotValue]:
    """A model's values for the slots of a template, cleaned and bounded; what is no slot is left out.

    Args:
        values: The slots as the model gave them, unchecked.
        schema: A template's schema.

    Raises:
        InvalidAnswer: A slot is missing, empty or of a type that cannot be mended; the text names each.
    """
    if not isinstance(values, Mapping):
        raise InvalidAnswer(f"the answer is {type(values).__name__!r} and not an object with the slots")
    cleaned = usable_slots({name: values.get(name) for name in schema["properties"]}, schema)
    wrong = sorted(name for name in schema["properties"] if name not in cleaned)
    if wrong:
        raise InvalidAnswer(f"the slots {', '.join(map(repr, wrong))} are missing, empty or of a wrong type")
    return cleaned


def usable_slots(values: Mapping[str, object], schema: Mapping[str, Any]) -> dict[str, SlotValue]:
    """Like `clean_slots`, for some of the slots: what is not given or cannot be mended is left out.

    Args:
        values: By slot, unchecked.
        schema: A template's schema.
    """
    cleaned = {name: _cleaned(values[name], one) for name, one in schema["properties"].items() if name in values}
    return {name: value for name, value in cleaned.items() if isinstance(value, bool | int | float | str | list)}


def as_text(value: SlotValue) -> str:
    """A slot's value as one text; the items of a list are separated by commas."""
    return ", ".join(value) if isinstance(value, list) else str(value)


def _cleaned(value: object, one: Mapping[str, Any]) -> object:
    """The cleaned value, or `_MISSING` where nothing can be made of it."""
    match one["type"]:
        case "string" if "enum" in one:
            return _choice(value, one["enum"])
        case "string":
            text = clean_text(value, one.get("maxLength", TEXT_LENGTH)) if isinstance(value, str) else ""
            return text or _MISSING
        case "array":
            items = _items(value, one)
            return items or _MISSING
        case "boolean":
            return value if isinstance(value, bool) else _MISSING
        case kind:
            number = _number(value, *number_bounds(one))
            return _MISSING if number is None else round(number) if kind == "integer" else number


def _items(value: object, one: Mapping[str, Any]) -> list[str]:
    """A list of short texts from a list, or from one text with separators; duplicates and empty items go."""
    length = one["items"].get("maxLength", ITEM_LENGTH)
    if isinstance(value, str):
        value = _LIST_SEPARATOR.split(value[:MAX_TEXT])
    if not isinstance(value, list | tuple):
        return []
    items = (clean_text(_BULLET.sub("", item.strip()), length) for item in value[:100] if isinstance(item, str))
    return list({item.casefold(): item for item in items if item}.values())[: one.get("maxItems", LIST_LENGTH)]


def _number(value: object, low: float, high: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value[:40].strip().rstrip("%")) if isinstance(value, str) else float(value)
    except (ValueError, OverflowError):
        return None
    if math.isnan(number):
        return None
    if isinstance(value, str) and value.strip().endswith("%"):
        number /= 100
    return round(min(max(number, low), high), 3)


def _choice(value: object, choices: list[str]) -> str:
    """The choice that is meant; whatever a model makes up instead means the first."""
    text = clean_text(value, CHOICE_LENGTH).casefold()
    words = text.replace("_", " ")
    for choice in choices:
        if choice.casefold() == text:
            return choice
    for choice in choices[1:]:
        if any(word in words for word in choice.casefold().split("_")):
            return choice
    return choices[0]
