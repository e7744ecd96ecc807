"""How a small model fills the parts of ideas of the user's own form, where the form has no ``x-fill``.

The name of a part, and after it the beginning of its description, tell what it is about. Each kind of part has a
beginning that the model goes on from, or texts to draw from where it would only ramble.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from creator.models.hints import default_hint
from creator.models.idea_hints import IDEA_HINTS

PART_LENGTH: Final = 400


def _goes_on(prefix: str, ask: str) -> dict[str, Any]:
    """A hint for one sentence."""
    return {
        "kind": "sentence",
        "system": "You write short, concrete sentences.",
        "ask": ask,
        "prefix": prefix,
        "one_clause": True,
        "min_chars": 20,
        "max_chars": 110,
    }


_TAGLINE: Final = {
    "kind": "choice",
    "from": [
        "{work_topic}, taken care of.",
        "Because {topic} can wait no longer.",
        "Somebody looks after {topic} now.",
        "{work_topic}, without the headache.",
    ],
}
_AUDIENCE: Final = {
    "kind": "choice",
    "from": [
        "People in {sector} who deal with {topic} every week.",
        "Whoever has lost an evening to {topic} in {sector}.",
        "Newcomers to {sector} who hear of {topic} for the first time.",
        "Those who run {businesses} and want to think less about {topic}.",
    ],
}

_PARTS: Final[tuple[tuple[str, Mapping[str, Any]], ...]] = (
    ("why_now", IDEA_HINTS["why_now"]),
    (
        "question hypothes",
        _goes_on(
            "The question is whether {topic} would cost {businesses} less if",
            "What could {businesses} try against trouble with {topic}?",
        ),
    ),
    ("tagline slogan motto claim", _TAGLINE),
    ("audience customer user reader buyer target who whom", _AUDIENCE),
    (
        "why matter reason importan motiv benefit relevan",
        _goes_on("It matters because trouble with {topic} in {sector} makes", "Why does {topic} matter in {sector}?"),
    ),
    (
        "method approach procedure experiment evaluat",
        _goes_on(
            "One could ask ten {businesses} about {topic}, compare their answers, and then",
            "How could one find out more about {topic} in {sector}?",
        ),
    ),
    ("risk fail weak danger objection limit", {"kind": "fact", "fact": "work_risk"}),
    ("revenue earn", IDEA_HINTS["revenue_model"]),
    ("cost price budget", IDEA_HINTS["cost_to_try"]),
    ("step start begin first next", IDEA_HINTS["first_step"]),
    ("problem pain need issue challenge", IDEA_HINTS["problem"]),
    ("solution idea proposal product feature summary concept how", IDEA_HINTS["solution"]),
)
"""Beginnings of words, and how a part is filled that is called by one of them; the first that fits counts."""


def part_hint(name: str, one: Mapping[str, Any]) -> dict[str, Any]:
    """A hint for a part of an idea that has none of its own.

    Args:
        name: The part's name.
        one: Its JSON Schema.
    """
    said = re.split(r"[.:;\n]", str(one.get("description", "")))[0]
    if name == "title":
        is_a_name = re.search(r"\bname", said.lower()) is not None
        return {"kind": "fact", "fact": "work_title"} if is_a_name else {"kind": "choice", "from": [_TITLE]}
    for text in (name, said):
        words = [text, *re.findall(r"[a-z]+", text.lower())]
        for stems, hint in _PARTS:
            if any(word.startswith(stem) for stem in stems.split() for word in words):
                return _within({key: value for key, value in hint.items() if key != "refine"}, one)
    return default_hint(name, {"maxLength": PART_LENGTH, **one})


_TITLE: Final = "{work_topic} in {sector}"


def _within(hint: dict[str, Any], one: Mapping[str, Any]) -> dict[str, Any]:
    """The hint with the model's own words within the length that the part may have."""
    most = one.get("maxLength")
    if "max_chars" in hint and isinstance(most, int) and 0 < most < hint["max_chars"]:
        hint |= {"max_chars": most, "min_chars": min(hint.get("min_chars", 4), max(1, most // 2))}
    return hint
