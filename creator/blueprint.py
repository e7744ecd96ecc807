"""Blueprints: what is known of one agent before it lives, validated; saved as JSON beside its module."""

from __future__ import annotations

import keyword
import re
import sys
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from creator.briefs import Brief
from creator.templates.slots import MAX_LIST, MAX_SLOTS, MAX_TEXT, REQUIRED_LENGTH, as_text, clean_slots, clean_text
from sandbox.protocol import RESERVED_NAMES, AgentName

if TYPE_CHECKING:
    from creator.templates.rendering import Template

AuthorMode = Literal["fill", "code", "adopted"]
"""How a module came to be: slots of a template filled, written by a model, or brought in from elsewhere."""
AUTHORS: Final[Mapping[AuthorMode, str]] = {
    "fill": "filled in by a model",
    "code": "code by a model",
    "adopted": "adopted",
}
"""The same in words."""

SKILLS: Final = 6

_NAME_LENGTH: Final = 64
_DEVICE_NAME: Final = re.compile(r"con|prn|aux|nul|(?:com|lpt)[0-9]")
_TRIAL_NAME: Final = re.compile(r"trial_[a-z0-9]+")
"""Kept for agents that are only being tried."""
_TAKEN_BY_PYTHON: Final = (
    frozenset(keyword.kwlist)
    | frozenset(keyword.softkwlist)
    | frozenset(sys.stdlib_module_names)
    | {"agent", "creator", "sandbox", "generated", "templates", "kit", "agents"}
    | {"autogen", "autogen_agentchat", "autogen_core", "autogen_ext", "grpc", "pydantic"}
)

_Text = Annotated[str, StringConstraints(max_length=MAX_TEXT)]
_Items = Annotated[list[_Text], Field(max_length=MAX_LIST)]


class Blueprint(BaseModel):
    """Everything that one agent's module is made from.

    Attributes:
        name: The agent's name, and its module's.
        template: The name of its template, without suffix.
        author: How its module came to be.
        slots: The values of the template's slots, in the order of its schema.
        brief: What it was asked to be.
        parents: Agents that it stems from.
        run_id: The run that it was made in.
        model: The model that filled or wrote it.
        attempt: Which try this is, counted from 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: AgentName
    template: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    author: AuthorMode = "fill"
    slots: dict[AgentName, bool | int | float | _Text | _Items] = Field(max_length=MAX_SLOTS)
    brief: Brief
    parents: list[AgentName] = Field(default_factory=list, max_length=8)
    run_id: str = Field(min_length=1, max_length=120)
    model: str = Field(min_length=1, max_length=200)
    attempt: int = Field(default=1, ge=1)

    @property
    def persona(self) -> str:
        """The agent's name for people."""
        return self._text("persona") or self.name

    @property
    def sector(self) -> str:
        """What it works in."""
        return self._text("sector") or self.brief.sector

    @property
    def skills(self) -> list[str]:
        """What it can be chosen for."""
        interests = self.slots.get("interests")
        return [clean_text(one, 80) for one in interests[:SKILLS]] if isinstance(interests, list) else []

    def _text(self, slot: str) -> str:
        value = self.slots.get(slot)
        return clean_text(value, REQUIRED_LENGTH) if isinstance(value, str) else ""

    def facts(self) -> dict[str, str]:
        """The agent as flat texts, for the beginnings that a small model continues."""
        return {
            **self.brief.facts(),
            **{name: as_text(one) for name, one in self.slots.items()},
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
        patterns = (_DEVICE_NAME, _TRIAL_NAME)
        if name in RESERVED_NAMES or name in _TAKEN_BY_PYTHON or any(one.fullmatch(name) for one in patterns):
            name = f"{name[: _NAME_LENGTH - 6]}_agent"
        candidate = name
    while candidate in taken:
        number += 1
        candidate = f"{name[: _NAME_LENGTH - 1 - len(str(number))].rstrip('_')}_{number}"
    return candidate


def blueprint_from_values(
    values: object,
    template: Template,
    *,
    brief: Brief,
    run_id: str,
    model: str,
    attempt: int = 1,
    taken: set[str],
    name: str | None = None,
    **further: Any,
) -> Blueprint:
    """Makes the blueprint of a model's answer.

    Args:
        values: The slots as the model gave them, unchecked; what is no slot is left out.
        template: What the slots are of.
        brief: What the model was asked to fill them for.
        run_id: The run that the agent belongs to.
        model: The model's name, for the record of origin.
        attempt: Which try this is, counted from 1.
        taken: The names in use. The new name is added, so that two births at once cannot get the same one; take
            it out again when the agent is given up.
        name: The agent's name, when it is settled; by default it is made from the persona.
        further: Other fields of `Blueprint`.

    Raises:
        InvalidAnswer: A slot is missing, empty or of a type that cannot be mended; the text names each.
    """
    slots = clean_slots(values, template.schema)
    blueprint = Blueprint(
        name=name or unique_name(str(slots["persona"]), taken),
        template=template.name,
        slots=slots,
        brief=brief,
        run_id=run_id,
        model=clean_text(model, 200) or "unknown",
        attempt=attempt,
        **further,
    )
    taken.add(blueprint.name)
    return blueprint
