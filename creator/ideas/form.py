"""The form of an idea: which parts it has, from a schema of the user's or as a business idea."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from creator.errors import UsageError
from creator.models.hints import check_hints
from creator.models.idea_hints import IDEA_HINTS
from creator.models.part_hints import part_hint
from creator.templates.slot_schema import BrokenSlot
from creator.text import clean
from sandbox.protocol import MAX_PARTS, PART_NAME, Idea

MAX_BYTES: Final = 100_000
MAX_GUIDANCE: Final = 1_000
MAX_DESCRIPTION: Final = 400
TITLE_LENGTH: Final = 200
PART_LENGTH: Final = 4_000

_NOTES: Final = frozenset({"type", "title", "description", "minLength", "maxLength", "examples", "$comment", "x-fill"})
_BUSINESS_GUIDANCE: Final = (
    "Be concrete: a real problem of real customers, and a first step that a small team can take."
)


@dataclass(frozen=True)
class IdeaForm:
    """What an idea consists of.

    Attributes:
        guidance: What makes a good one, in a sentence or two; may be empty.
        parts: By name, the title first: a JSON Schema of each part.
        hints: By name: how a small model fills it.
    """

    guidance: str
    parts: Mapping[str, Mapping[str, Any]]
    hints: Mapping[str, Mapping[str, Any]]

    @property
    def fields(self) -> list[str]:
        """The names of its parts without the title, in order."""
        return [name for name in self.parts if name != "title"]

    @property
    def answer_schema(self) -> dict[str, Any]:
        """The JSON Schema of a model's answer: every part, and none of them empty."""
        properties = {
            name: {"type": "string", "minLength": 1, "description": one.get("description", name)}
            for name, one in self.parts.items()
        }
        return {
            "title": Idea.__name__,
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    def idea_from(self, values: Mapping[str, Any]) -> Idea:
        """An idea of a model's values, each part cut to what an idea holds."""
        texts = {name: str(values.get(name, "")) for name in self.parts}
        title = clean(texts.pop("title"), TITLE_LENGTH) or "(no title)"
        return Idea(title=title, **{name: text[:PART_LENGTH] for name, text in texts.items()})


def _business() -> IdeaForm:
    schema = Idea.model_json_schema()["properties"]
    return IdeaForm(_BUSINESS_GUIDANCE, schema, IDEA_HINTS)


BUSINESS: Final = _business()
"""The form of business ideas."""


def load_idea_form(path: Path | None) -> IdeaForm:
    """The form of the ideas of a run.

    Args:
        path: A JSON Schema of an object with texts as properties, among them ``title``; None for business ideas.

    Raises:
        UsageError: The file cannot be read, or is no such schema; the text says what to write instead.
    """
    if path is None:
        return BUSINESS
    where = f"The idea schema {str(path)!r}"
    try:
        with path.expanduser().open("rb") as file:
            schema = json.loads(file.read(MAX_BYTES + 1)[:MAX_BYTES].decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"Cannot read the idea schema {str(path)!r}: {error.strerror or error}.") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where} is no JSON: {clean(str(error), 100)}.") from None
    problem = _problem(schema)
    if problem:
        raise UsageError(f"{where} does not fit: {problem}.")
    properties: dict[str, Mapping[str, Any]] = {"title": schema["properties"]["title"], **schema["properties"]}
    try:
        check_hints(properties)
    except BrokenSlot as error:
        raise UsageError(f"{where} does not fit: {error}.") from None
    return IdeaForm(clean(schema.get("description", ""), MAX_GUIDANCE), properties, _hints(properties))


def _problem(schema: object) -> str:
    """What is wrong with a schema; empty when nothing is."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(schema, dict) or not isinstance(properties, dict) or "title" not in properties:
        return "write an object with 'properties', among them 'title', each {\"type\": \"string\"}"
    if not 2 <= len(properties) <= MAX_PARTS:
        return f"an idea has 2 to {MAX_PARTS} properties, its title counted, not {len(properties)}"
    if not isinstance(schema.get("description", ""), str):
        return "its 'description' has to be a text"
    for name, one in properties.items():
        if not PART_NAME.fullmatch(name):
            return f"the property {clean(name, 60)!r} has to be named in lower case, such as 'first_step'"
        if not isinstance(one, dict) or one.get("type") != "string":
            return f'the property {name!r} has to be {{"type": "string"}}, with a \'description\' of what it says'
        if unknown := sorted(set(one) - _NOTES):
            return f"the keyword {clean(unknown[0], 60)!r} of the property {name!r} is not kept: leave it out"
        said = one.get("description", "")
        if not isinstance(said, str) or len(said) > MAX_DESCRIPTION:
            return f"the 'description' of {name!r} has to be a text of at most {MAX_DESCRIPTION} characters"
    return ""


def _hints(properties: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """How a small model fills the parts: the title last, as it names the rest; a refinement says the last part anew."""
    names = [name for name in properties if name != "title"]
    hints: dict[str, dict[str, Any]] = {}
    for name in [*names, "title"]:
        one = properties[name]
        hint = dict(one["x-fill"] if "x-fill" in one else part_hint(name, one))
        if name != names[-1]:
            hint["refine"] = {"kind": "fact", "fact": f"prior_{name}"}
        hints[name] = hint
    return hints
