"""The author that lets the model write an agent's behaviour, and tries each module before anyone relies on it."""

from __future__ import annotations

import ast
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

from creator.agents.messages import CompleteText, CreateAgent, Created
from creator.authors.answers import module_in
from creator.authors.base import Author, Pen
from creator.authors.code_prompts import code_messages, repair_messages
from creator.authors.failures import FailedTry, Stage, failed_trial, refused
from creator.authors.formatting import format_module
from creator.blueprint import Blueprint, unique_name
from creator.briefs import Brief
from creator.errors import BirthFailed, InvalidAnswer
from creator.policy import check_module
from creator.policy.source import parse
from creator.templates.slots import SlotValue, clean_text, usable_slots
from creator.text import clean

TRIES: Final = 4
"""Modules that the model may write for one agent: the first and three repairs."""
TEMPERATURE: Final = 0.8
REPAIR_TEMPERATURE: Final = 0.3
NOTE_LENGTH: Final = 300
PERSONA_LENGTH: Final = 60

_SLOTS: Final[dict[str, Any]] = {
    "properties": {
        "persona": {"type": "string", "maxLength": PERSONA_LENGTH},
        "sector": {"type": "string", "maxLength": 120},
        "interests": {"type": "array", "items": {"type": "string", "maxLength": 80}, "maxItems": 6},
    }
}
_CONSTANTS: Final = {"DESCRIPTION": "persona", "SECTOR": "sector", "INTERESTS": "interests"}
"""By constant of a module: the slot that it tells."""


class CodeAuthor:
    """Has a model write modules; when it does not manage, another author steps in.

    Args:
        example: The module that a template gives for a brief, as the model's example.
        fallback: Writes the agent when no module of the model can be used.
        trial: Starts a module in a throw-away cell and lets it do each part of its work; raises `BirthFailed`.
        run_id: Named in each agent's blueprint.
        model: Named in each agent's blueprint.
        taken: The names in use, shared with everyone who gives names in this run.
        on_state: Called with name and ``written``, then ``checked``.
        on_try: Called for each module that failed: with the agent's name (or its brief's persona, while it has no
            name), the number of the module from 1, where it failed and what was wrong.
    """

    writes_code = True

    def __init__(
        self,
        example: Callable[[str, Brief], str],
        fallback: Author,
        trial: Callable[[str], Awaitable[None]],
        run_id: str,
        model: str,
        taken: set[str],
        on_state: Callable[[str, Literal["written", "checked"]], None],
        on_try: Callable[[str, int, Stage, str], None],
    ) -> None:
        self._example = example
        self._fallback = fallback
        self._trial = trial
        self._run_id = run_id
        self._model = model
        self._taken = taken
        self._on_state = on_state
        self._on_try = on_try

    async def write(self, order: CreateAgent, pen: Pen) -> Created:
        """Ask for a module until one passes policy and trial, at most four times; then leave it to the fallback."""
        example = self._example(order.template, order.brief)
        asked = code_messages(order.brief, example, order.feedback, order.heritage.sources)
        request = CompleteText(messages=asked, seed=order.seed, temperature=TEMPERATURE)
        notes: list[str] = []
        for number in range(1, TRIES + 1):
            try:
                source = await self._usable(await pen.complete(request))
            except FailedTry as failed:
                self._on_try(order.name or order.brief.persona, number, failed.stage, failed.finding)
                notes.append(clean(f"try {number}: {failed.stage}: {failed.finding}", NOTE_LENGTH))
                messages = repair_messages(asked, failed.source, failed.finding)
                request = CompleteText(messages=messages, seed=order.seed + number, temperature=REPAIR_TEMPERATURE)
            else:
                return Created(blueprint=self._named(order, source), source=source, notes=notes)
        created = await self._fallback.write(order, pen)
        notes.append(f"fell back to the template {created.blueprint.template!r}")
        return created.model_copy(update={"notes": [*notes, *created.notes]})

    async def _usable(self, answer: str) -> str:
        """The module in a model's answer, formatted, once it has passed policy and trial.

        Raises:
            FailedTry: It has not.
        """
        source = _permitted(answer)
        formatted = await format_module(source)
        if not check_module(formatted, "agent.py"):
            source = formatted
        try:
            await self._trial(source)
        except BirthFailed as error:
            raise failed_trial(str(error), source) from error
        return source

    def _named(self, order: CreateAgent, source: str) -> Blueprint:
        """The blueprint of a module, with its name taken."""
        slots = slots_of(source, order.brief)
        name = order.name or unique_name(str(slots.get("persona", "")), self._taken)
        blueprint = Blueprint(
            name=name,
            template=order.template,
            author="code",
            slots=slots,
            brief=order.brief,
            parents=order.parents,
            run_id=self._run_id,
            model=clean_text(self._model, 200) or "unknown",
            attempt=order.attempt,
        )
        self._taken.add(name)
        try:
            self._on_state(name, "written")
            self._on_state(name, "checked")
        except BaseException:
            if order.name is None:
                self._taken.discard(name)
            raise
        return blueprint


def _permitted(answer: str) -> str:
    """The module in a model's answer, which the policy lets pass.

    Raises:
        FailedTry: There is none, or the policy refuses it.
    """
    try:
        source = module_in(answer)
    except InvalidAnswer as error:
        raise FailedTry("model", str(error)) from error
    findings = check_module(source, "agent.py")
    if findings:
        raise refused(findings, source)
    return source


def slots_of(source: str, brief: Brief) -> dict[str, SlotValue]:
    """Persona, sector and interests of an agent: what its module says in constants, else what its brief says.

    Args:
        source: A module that passed the policy; nothing of it is run.
        brief: What the agent was asked to be.
    """
    slots = usable_slots({"persona": brief.persona, "sector": brief.sector, "interests": [brief.topic]}, _SLOTS)
    tree = parse(source, lambda rule, line, column, message: None)
    for statement in tree.body if tree is not None else []:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            slot = _CONSTANTS.get(target.id) if isinstance(target, ast.Name) else None
            if slot is not None:
                slots |= usable_slots({slot: _value(statement.value, slot)}, _SLOTS)
    return slots


def _value(node: ast.expr, slot: str) -> object:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    if slot != "persona":
        return value
    # "Ada Freight, a planner for parcel delivery" begins with a name; a description without one tells none.
    head, comma, _ = value.partition(",") if isinstance(value, str) else ("", "", "")
    return head if comma and len(head) <= PERSONA_LENGTH else None
