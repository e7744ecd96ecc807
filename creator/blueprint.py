"""Blueprints: what a model chose for one agent, cleaned, bounded and validated.

A model's texts are data of unknown origin and unknown length. A text that is too long is shortened and an odd number
is clamped, because a new call costs more than a lost half-sentence; only what is missing makes a blueprint fail.
"""

from __future__ import annotations

import keyword
import math
import re
import sys
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from creator.briefs import Brief
from creator.errors import InvalidAnswer
from creator.text import clean, encodable
from sandbox.protocol import RESERVED_NAMES, AgentName

PERSONA_LENGTH: Final = 60
SECTOR_LENGTH: Final = 120
ITEM_LENGTH: Final = 80
LIST_LENGTH: Final = 6
GOAL_LENGTH: Final = 400
VOICE_LENGTH: Final = 160
TEMPERATURES: Final = (0.0, 1.0)
"""Sampling temperatures that every provider takes."""

_LIST_SEPARATOR: Final = re.compile(r"[,;\n]")
_BULLET: Final = re.compile(r"^(?:[-*•]|\d{1,2}[.)])\s+")
_NAME_LENGTH: Final = 64
_DEVICE_NAME: Final = re.compile(r"con|prn|aux|nul|(?:com|lpt)[0-9]")
_TAKEN_BY_PYTHON: Final = (
    frozenset(keyword.kwlist)
    | frozenset(keyword.softkwlist)
    | frozenset(sys.stdlib_module_names)
    | {"agent", "creator", "sandbox", "generated", "templates", "kit", "agents"}
    | {"autogen", "autogen_agentchat", "autogen_core", "autogen_ext", "grpc", "pydantic"}
)


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


def _text(max_length: int) -> BeforeValidator:
    return BeforeValidator(lambda value: clean_text(value, max_length))


def _clean_list(value: object) -> object:
    """A list of short texts from a list, or from one text with separators; duplicates and empty items go."""
    if isinstance(value, str):
        value = _LIST_SEPARATOR.split(value[:4_000])
    if not isinstance(value, list | tuple):
        return value
    items = (clean_text(_BULLET.sub("", item.strip()), ITEM_LENGTH) for item in value[:100] if isinstance(item, str))
    return list({item.casefold(): item for item in items if item}.values())[:LIST_LENGTH]


def _number(low: float, high: float) -> BeforeValidator:
    def clamp(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return value
        try:
            number = float(value[:40].strip().rstrip("%")) if isinstance(value, str) else float(value)
        except (ValueError, OverflowError):
            return value
        if math.isnan(number):
            return value
        if isinstance(value, str) and value.strip().endswith("%"):
            number /= 100
        return round(min(max(number, low), high), 3)

    return BeforeValidator(clamp)


def _clean_choice(value: object) -> object:
    """The recipient rule; whatever a model makes up instead means "anyone"."""
    text = clean_text(value, 60).casefold()
    return "different_sector" if "different" in text or "other sector" in text else "random"


ItemList = Annotated[list[str], BeforeValidator(_clean_list), Field(min_length=1, max_length=LIST_LENGTH)]


class IdeaAgentSlots(BaseModel):
    """The slots of ``templates/idea_agent.py.j2``; its JSON Schema stands beside it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    persona: Annotated[str, _text(PERSONA_LENGTH), Field(min_length=1)]
    sector: Annotated[str, _text(SECTOR_LENGTH), Field(min_length=1)]
    interests: ItemList
    traits: ItemList
    weaknesses: ItemList
    goal: Annotated[str, _text(GOAL_LENGTH), Field(min_length=1)]
    voice: Annotated[str, _text(VOICE_LENGTH), Field(min_length=1)]
    temperature: Annotated[float, _number(*TEMPERATURES), Field(ge=TEMPERATURES[0], le=TEMPERATURES[1])]
    shares_ideas: Annotated[float, _number(0, 1), Field(ge=0, le=1)]
    shares_with: Annotated[Literal["random", "different_sector"], BeforeValidator(_clean_choice)]


class Blueprint(BaseModel):
    """Everything that one agent's module is rendered from; saved as JSON beside the module."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: AgentName
    template: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$", description="The template's name, without suffix.")
    slots: IdeaAgentSlots
    brief: Brief
    run_id: str = Field(min_length=1, max_length=120)
    model: str = Field(min_length=1, max_length=200)
    attempt: int = Field(default=1, ge=1, description="Which try this is, counted from 1.")

    def facts(self) -> dict[str, str]:
        """The agent as flat texts, for the beginnings that a small model continues."""
        slots = self.slots.model_dump()
        return {
            **self.brief.facts(),
            **{name: ", ".join(value) if isinstance(value, list) else str(value) for name, value in slots.items()},
            "name": self.name,
        }


def unique_name(wanted: str, taken: set[str]) -> str:
    """An agent name for any text: ASCII, an identifier, not reserved, and not in ``taken``.

    "Ada Freight" becomes ``ada_freight``, and ``ada_freight_2`` when that is taken. A name that Python or the
    runtime uses already gets the ending ``_agent``; a text without one ASCII letter or digit becomes ``agent_1``
    and so on. ``taken`` is left as it is.
    """
    ascii_text = unicodedata.normalize("NFKD", wanted[:300]).encode("ascii", "ignore").decode("ascii").lower()
    name = re.sub(r"[^a-z0-9]+", "_", ascii_text).strip("_")
    if name[:1].isdigit():
        name = f"agent_{name}"
    name = name[:_NAME_LENGTH].rstrip("_")
    number = 1
    if not name:
        name, candidate = "agent", "agent_1"
    else:
        if name in RESERVED_NAMES or name in _TAKEN_BY_PYTHON or _DEVICE_NAME.fullmatch(name):
            name = f"{name[: _NAME_LENGTH - 6]}_agent"
        candidate = name
    while candidate in taken:
        number += 1
        candidate = f"{name[: _NAME_LENGTH - 1 - len(str(number))].rstrip('_')}_{number}"
    return candidate


def blueprint_from_values(
    values: object,
    *,
    brief: Brief,
    run_id: str,
    model: str,
    attempt: int = 1,
    taken: set[str],
    template: str = "idea_agent",
) -> Blueprint:
    """Makes the blueprint of a model's answer.

    Args:
        values: The slots as the model gave them, unchecked; what is no slot is left out.
        brief: What the model was asked to fill them for.
        run_id: The run that the agent belongs to.
        model: The model's name, for the record of origin.
        attempt: Which try this is, counted from 1.
        taken: The names in use. The new name is added, so that two births at once cannot get the same one; take
            it out again when the agent is given up.
        template: The name of the template that the slots are for.

    Raises:
        InvalidAnswer: A slot is missing, empty or of a type that cannot be mended; the text names each.
    """
    if not isinstance(values, Mapping):
        raise InvalidAnswer(f"the answer is {type(values).__name__!r} and not an object with the slots")
    try:
        slots = IdeaAgentSlots.model_validate(
            {slot: values[slot] for slot in IdeaAgentSlots.model_fields if slot in values}
        )
    except ValidationError as error:
        names = sorted({str(one["loc"][0]) for one in error.errors(include_input=False) if one["loc"]})
        raise InvalidAnswer(f"the slots {', '.join(map(repr, names))} are missing, empty or of a wrong type") from None
    blueprint = Blueprint(
        name=unique_name(slots.persona, taken),
        template=template,
        slots=slots,
        brief=brief,
        run_id=run_id,
        model=clean_text(model, 200) or "unknown",
        attempt=attempt,
    )
    taken.add(blueprint.name)
    return blueprint
