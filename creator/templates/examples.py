"""Examples: values for a template's slots without a model, ordinary ones and extreme ones.

The ordinary ones are drawn as a small model's would be, always the same for the same brief. The extreme ones are what
a template has to stand: the longest, the shortest, and texts that would break out of a string.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from creator.blueprint import Blueprint, blueprint_from_values
from creator.briefs import Brief
from creator.models.hints import with_facts
from creator.templates.slots import ITEM_LENGTH, LIST_LENGTH, TEXT_LENGTH, SlotValue, number_bounds

if TYPE_CHECKING:
    from creator.templates.rendering import Template

EXTREME_TEXTS: Final[Mapping[str, str]] = {
    "blank": "\u2800",
    "quotes": "' \" ''' \"\"\" \\ \\N '\"",
    "braces": "{{ 7 * 7 }} {% raw %} {# x #} {slots} { } %s",
    "code": '"""\nimport os\nos.abort()\n"""',
    "lines": "one\ntwo\r\nthree\rfour\u2028five\x85six\tseven",
    "emoji": "🚀 👩‍👩‍👧 🏳️‍🌈",
    "right to left": "\u202eevil\u2066 עברית العربية \u200f",
    "surrogates": "half \ud800 a \udfff character",
    "control": "a\x00b \x07\x1b[2J\x7f\u200b\ufeff\u00ad z",
}
"""By name: texts that a template may not choke on. What reaches an agent's slots is cleaned before; these are not."""
SHORTEST: Final = "shortest"
LONGEST: Final = "longest"
UNBROKEN: Final = "unbroken"

_WORD: Final = "extremely "
_ENDINGS: Final = (
    "notice what is missing a week earlier, and act on it before it costs anything",
    "spend an hour less a day on what nobody pays for",
    "know by noon what they can still change by the evening",
    "keep the customers they have by answering within the hour",
    "find out which of their habits cost the most, and drop one of them",
)
"""For sentences: each goes on after a beginning such as "My goal is to help bakeries businesses"."""
_OBJECTIVE: Final = "business ideas for agentic AI"


def extremes(template: Template) -> list[str]:
    """The names of the template's extreme examples; each value of an ``enum`` is in one of them."""
    most = max((len(one.get("enum", ())) for one in template.schema["properties"].values()), default=0)
    return [*EXTREME_TEXTS, SHORTEST, LONGEST, UNBROKEN, *(f"choice {number}" for number in range(1, most + 1))]


def example_values(template: Template, brief: Brief, extreme: str | None = None) -> dict[str, SlotValue]:
    """Values for a template's slots.

    Args:
        template: Whose slots.
        brief: What the agent is about.
        extreme: One of `extremes`; None for ordinary values. Values of an extreme one are within their bounds, but
            not cleaned.
    """
    draw = random.Random("|".join([template.name, *brief.facts().values()]))
    facts = {"objective": _OBJECTIVE, **brief.facts()}
    values: dict[str, SlotValue] = {}
    properties: Mapping[str, Mapping[str, Any]] = template.schema["properties"]
    for number, (name, hint) in enumerate(template.hints.items()):
        one = properties[name]
        value = _ordinary(hint, one, facts, draw)
        facts[name] = ", ".join(value) if isinstance(value, list) else str(value)
        if extreme is None or extreme.startswith("choice "):
            values[name] = _chosen(one, extreme) or _within(value, one)
        else:
            values[name] = _extreme(one, extreme, number)
    return values


def _within(value: SlotValue, one: Mapping[str, Any]) -> SlotValue:
    """An ordinary value, cut where the schema has little room."""
    if isinstance(value, str):
        return value[: one.get("maxLength", TEXT_LENGTH)]
    if isinstance(value, list):
        length = one["items"].get("maxLength", ITEM_LENGTH)
        return [item[:length] for item in value][: one.get("maxItems", LIST_LENGTH)]
    return value


def example_variables(template: Template, brief: Brief, extreme: str | None = None) -> dict[str, Any]:
    """What a template is rendered with: a blueprint, and for an extreme one nothing in it is cleaned."""
    variables = example_blueprint(template, brief).model_dump()
    if extreme is not None:
        variables["slots"] = example_values(template, brief, extreme)
    text = EXTREME_TEXTS.get(extreme or "")
    if text is not None:
        variables["brief"] = dict.fromkeys(variables["brief"], text)
        variables |= {"run_id": text, "model": text}
    return variables


def example_module(template: Template, brief: Brief) -> str:
    """A module for a brief, made without a model: always the same for the same brief.

    Raises:
        BrokenTemplate: The template is at fault.
    """
    return template.render(example_blueprint(template, brief))


def example_blueprint(
    template: Template, brief: Brief, extreme: str | None = None, name: str | None = None
) -> Blueprint:
    """The blueprint of an agent that no model had a part in; its values are cleaned as a model's are.

    Args:
        template: Whose slots are filled.
        brief: What the agent is about.
        extreme: One of `extremes`; None for ordinary values.
        name: The agent's name; by default it is made from its persona.

    Raises:
        InvalidAnswer: Nothing is left of an extreme value once it is cleaned.
    """
    return blueprint_from_values(
        example_values(template, brief, extreme),
        template,
        brief=brief,
        run_id="example",
        model="none",
        taken=set(),
        name=name,
    )


def _chosen(one: Mapping[str, Any], extreme: str | None) -> str | None:
    """The value of an ``enum`` in the example "choice 1", "choice 2" and so on."""
    if extreme is None or "enum" not in one:
        return None
    choices = one["enum"]
    return str(choices[(int(extreme.removeprefix("choice ")) - 1) % len(choices)])


def _ordinary(
    hint: Mapping[str, Any], one: Mapping[str, Any], facts: Mapping[str, str], draw: random.Random
) -> SlotValue:
    """A value as the hint asks for it; the schema's own ``examples`` go before the words of a model."""
    if one.get("examples"):
        example = draw.choice(one["examples"])
        if isinstance(example, list):
            return [with_facts(item, facts) for item in example]
        return with_facts(example, facts) if isinstance(example, str) else example
    match hint["kind"]:
        case "fact":
            return facts[hint["fact"]]
        case "choice":
            chosen = draw.choice(hint["from"])
            return with_facts(chosen, facts) if isinstance(chosen, str) else bool(chosen)
        case "choices":
            return draw.sample(hint["from"], min(hint["items"], len(hint["from"])))
        case "number":
            return round(draw.uniform(hint["low"], hint["high"]), 2)
        case "integer":
            return draw.randint(hint["low"], hint["high"])
        case "sentence":
            ending = f"{draw.choice(_ENDINGS)}."
            prefixes = [hint["prefix"]] if isinstance(hint["prefix"], str) else hint["prefix"]
            if hint.get("keep_prefix", True):
                return f"{with_facts(draw.choice(prefixes), facts)} {ending}"
            return ending[0].upper() + ending[1:]
        case kind:
            answer: str = draw.choice(hint["examples"])[1]
            return answer.split(", ") if kind == "list" else answer


def _extreme(one: Mapping[str, Any], extreme: str, number: int) -> SlotValue:
    """A value at the edge of what a slot takes; which edge of a number, the slot's own number decides."""
    match one["type"]:
        case "string" if "enum" in one:
            return str(one["enum"][number % len(one["enum"])])
        case "string":
            return _text(extreme, one.get("maxLength", TEXT_LENGTH))
        case "array":
            return _items(extreme, one)
        case "boolean":
            return extreme == LONGEST or (extreme != SHORTEST and number % 2 == 0)
        case _:
            low, high = number_bounds(one)
            return high if extreme == LONGEST or (extreme != SHORTEST and number % 2 == 0) else low


def _text(extreme: str, length: int) -> str:
    match extreme:
        case "shortest":
            return "x"
        case "longest":
            return (_WORD * (length // len(_WORD) + 1))[: length - 1] + "y"
        case "unbroken":
            return "x" * length
        case _:
            return EXTREME_TEXTS[extreme][:length]


def _items(extreme: str, one: Mapping[str, Any]) -> list[str]:
    """As many different items as there may be, or one."""
    most, length = one.get("maxItems", LIST_LENGTH), one["items"].get("maxLength", ITEM_LENGTH)
    if extreme == SHORTEST:
        return ["x"]
    return [f"{number}{_text(extreme, length)}"[:length] for number in range(most)]
