"""The schema of a template's slots: what it may say of them, and what it says in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from creator.errors import InvalidAnswer, UsageError
from creator.templates.slots import (
    CHOICE_LENGTH,
    ITEM_LENGTH,
    LIST_LENGTH,
    MAX_CHOICES,
    MAX_LIST,
    MAX_NUMBER,
    MAX_SLOTS,
    MAX_TEXT,
    REQUIRED,
    REQUIRED_LENGTH,
    TEXT_LENGTH,
    clean_slots,
    clean_text,
    number_bounds,
)
from creator.text import clean

_KEYWORDS: Final = {
    "string": frozenset({"enum", "maxLength", "minLength"}),
    "number": frozenset({"minimum", "maximum"}),
    "integer": frozenset({"minimum", "maximum"}),
    "boolean": frozenset[str](),
    "array": frozenset({"items", "maxItems", "minItems"}),
}
"""By type: what a slot's description may say of its values. Whatever else it said would not be kept."""
_NOTES: Final = frozenset({"type", "title", "description", "default", "examples", "$comment"})
_ITEM_KEYWORDS: Final = _NOTES | {"maxLength", "minLength"}
_SLOT_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)


class BrokenSlot(UsageError):
    """A schema that describes no slots, or one slot that it describes wrongly.

    Attributes:
        slot: The slot at fault; empty when it is the schema as a whole.
    """

    def __init__(self, slot: str, reason: str) -> None:
        self.slot = slot
        super().__init__(f"slot {clean(slot, 60)!r}: {reason}" if slot else reason)


def check_slots(schema: Mapping[str, Any]) -> None:
    """Whether this is the schema of a template's slots.

    Args:
        schema: A valid JSON Schema.

    Raises:
        BrokenSlot: It is not; the text names the slot and what to write instead.
    """
    properties = schema.get("properties")
    if schema.get("type", "object") != "object" or not isinstance(properties, Mapping):
        raise BrokenSlot("", "it has to describe an object with 'properties'")
    if not 0 < len(properties) <= MAX_SLOTS:
        raise BrokenSlot("", f"it has to describe 1 to {MAX_SLOTS} 'properties', not {len(properties)}")
    for name, one in properties.items():
        if not _SLOT_NAME.fullmatch(name):
            raise BrokenSlot(name, "a slot's name is lower case, such as 'first_step'")
        if hasattr(dict, name):
            raise BrokenSlot(name, f"choose another name: in a template 'slots.{name}' is a method of the slots")
        problem = _problem(one) if isinstance(one, Mapping) else "it has to be an object with a 'type'"
        problem = problem or _problem_of_examples(one)
        if problem:
            raise BrokenSlot(name, problem)
    for name in REQUIRED:
        one = properties.get(name, {})
        if one.get("type") != "string" or one.get("maxLength", TEXT_LENGTH) > REQUIRED_LENGTH:
            raise BrokenSlot(
                name if one else "",
                f"every template needs the slot {name!r}, a string with a 'maxLength' of at most {REQUIRED_LENGTH}",
            )


def _problem(one: Mapping[str, Any]) -> str:
    """What is wrong with the description of a slot; empty when nothing is."""
    kind = one.get("type")
    if not isinstance(kind, str) or kind not in _KEYWORDS:
        return f"its 'type' has to be one of {', '.join(_KEYWORDS)}"
    unknown = sorted(key for key in one if key not in _KEYWORDS[kind] | _NOTES and not key.startswith("x-"))
    if unknown:
        known = ", ".join(sorted(_KEYWORDS[kind])) or "none"
        return f"the keyword {clean(unknown[0], 60)!r} is not kept; those of type {kind!r} are: {known}"
    match kind:
        case "string" if "enum" in one:
            return _problem_of_choices(one["enum"])
        case "string":
            return _problem_of_bound(one, "maxLength", MAX_TEXT)
        case "array":
            items = one.get("items")
            if not isinstance(items, Mapping) or items.get("type") != "string" or set(items) - _ITEM_KEYWORDS:
                return "its 'items' have to be {\"type\": \"string\"}, with a 'maxLength' if you like"
            return _problem_of_bound(one, "maxItems", MAX_LIST) or _problem_of_bound(items, "maxLength", MAX_TEXT)
        case "boolean":
            return ""
        case _:
            low, high = number_bounds(one)
            fits = -MAX_NUMBER <= low <= high <= MAX_NUMBER
            return "" if fits else f"between its 'minimum' and its 'maximum' has to be a number up to {MAX_NUMBER}"


def _problem_of_choices(choices: object) -> str:
    if isinstance(choices, list) and 0 < len(choices) <= MAX_CHOICES:
        texts = {one for one in choices if isinstance(one, str) and one and clean_text(one, CHOICE_LENGTH) == one}
        if len(texts) == len(choices):
            return ""
    return f"its 'enum' has to be 1 to {MAX_CHOICES} different texts on one line, each up to {CHOICE_LENGTH} characters"


def _problem_of_bound(one: Mapping[str, Any], keyword: str, most: int) -> str:
    return "" if 1 <= one.get(keyword, 1) <= most else f"its {keyword!r} has to be a number from 1 to {most}"


def _problem_of_examples(one: Mapping[str, Any]) -> str:
    for example in one.get("examples", ()):
        try:
            clean_slots({"slot": example}, {"properties": {"slot": one}})
        except InvalidAnswer:
            return f"its example {clean(repr(example), 60)} is no value of the type {one['type']!r}"
    return ""


def form_of(one: Mapping[str, Any]) -> str:
    """What a slot takes, in a few words."""
    match one["type"]:
        case "string" if "enum" in one:
            return f"one of {', '.join(one['enum'])}"
        case "string":
            return f"text, up to {one.get('maxLength', TEXT_LENGTH)}"
        case "array":
            length = one["items"].get("maxLength", ITEM_LENGTH)
            return f"up to {one.get('maxItems', LIST_LENGTH)} texts, each up to {length}"
        case "boolean":
            return "true or false"
        case kind:
            bounds = [f"{word} {one[key]}" for word, key in (("from", "minimum"), ("to", "maximum")) if key in one]
            return " ".join([{"integer": "whole number"}.get(kind, "number"), *bounds])
