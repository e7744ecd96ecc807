"""The author that lets the model fill a template's slots, and renders the module from them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Literal

from creator.agents.messages import CreateAgent, Created, FillTemplate
from creator.authors.base import Pen, checked
from creator.authors.prompts import prompt_messages
from creator.blueprint import Blueprint, blueprint_from_values
from creator.templates.rendering import Template
from creator.templates.slots import clean_text


class TemplateAuthor:
    """Fills templates; what an agent inherits is taken over, and only the rest is asked for.

    Args:
        templates: What there is to fill, by name.
        run_id: Named in each module's origin.
        model: Named in each module's origin.
        taken: The names in use, shared with everyone who gives names in this run.
        on_state: Called with name and ``written`` or ``checked``.
    """

    writes_code = False

    def __init__(
        self,
        templates: Mapping[str, Template],
        run_id: str,
        model: str,
        taken: set[str],
        on_state: Callable[[str, Literal["written", "checked"]], None],
    ) -> None:
        self._templates = templates
        self._run_id = run_id
        self._model = model
        self._taken = taken
        self._on_state = on_state

    async def write(self, order: CreateAgent, pen: Pen) -> Created:
        """Ask for the slots that are not inherited, render and check."""
        # An agent of the library may stem from a template that this run does not have.
        template = self._templates.get(order.template) or next(iter(self._templates.values()))
        known = order.heritage.known(template.schema)
        content = await pen.fill(
            FillTemplate(
                messages=prompt_messages(order.brief, template, order.feedback, known),
                template=template.name,
                facts=order.brief.facts(),
                known=known,
                seed=order.seed,
            )
        )
        values = {**json.loads(content), **known}
        if not clean_text(values.get("persona"), 60):
            values["persona"] = order.brief.persona  # nothing that can be read: the brief suggests one
        blueprint = blueprint_from_values(
            values,
            template,
            brief=order.brief,
            run_id=self._run_id,
            model=self._model,
            attempt=order.attempt,
            taken=self._taken,
            name=order.name,
            parents=order.parents,
        )
        try:
            source = self._source(blueprint)
            self._on_state(blueprint.name, "written")
            self._check(source, blueprint.name)
        except BaseException:
            if order.name is None:
                self._taken.discard(blueprint.name)
            raise
        self._on_state(blueprint.name, "checked")
        return Created(blueprint=blueprint, source=source)

    def _source(self, blueprint: Blueprint) -> str:
        return self._templates[blueprint.template].render(blueprint)

    def _check(self, source: str, name: str) -> None:
        checked(source, name)
