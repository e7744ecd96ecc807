"""Authors turn a brief into a checked module on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal, Protocol

from creator.agents.messages import CreateAgent, Created, FillTemplate
from creator.blueprint import Blueprint, blueprint_from_values
from creator.errors import BirthFailed, EnvironmentFault, PolicyViolation
from creator.policy import check_module
from creator.prompts import prompt_messages
from creator.rendering import Template
from creator.slots import clean_text

Fill = Callable[[FillTemplate], Awaitable[str]]
"""Asks the model for a template's values; gives JSON text."""


class Author(Protocol):
    """Writes the module of one agent.

    Attributes:
        writes_code: Whether a model wrote code of the module, and did not only fill in its values.
    """

    writes_code: bool

    async def write(self, order: CreateAgent, fill: Fill) -> Created:
        """Write and check one agent; raises when it cannot be done."""
        ...


class TemplateAuthor:
    """Lets the model fill a template's slots, and renders the module from them.

    Args:
        template: What is filled.
        directory: Where modules and blueprints go.
        run_id: Named in each module's origin.
        model: Named in each module's origin.
        on_state: Called with name and ``written`` or ``checked``.
        on_fault: Called when the disk refuses a module: the whole run is over then.
    """

    def __init__(
        self,
        template: Template,
        directory: Path,
        run_id: str,
        model: str,
        on_state: Callable[[str, Literal["written", "checked"]], None],
        on_fault: Callable[[EnvironmentFault], None],
    ) -> None:
        self.writes_code = False
        self._template = template
        self._directory = directory
        self._run_id = run_id
        self._model = model
        self._on_state = on_state
        self._on_fault = on_fault
        self._taken: set[str] = set()

    async def write(self, order: CreateAgent, fill: Fill) -> Created:
        """Ask for the slots, render, check, and write module and blueprint."""
        content = await fill(
            FillTemplate(
                messages=prompt_messages(order.brief, self._template, order.feedback),
                template=self._template.name,
                facts=order.brief.facts(),
                seed=order.seed,
            )
        )
        values = json.loads(content)
        if not clean_text(values.get("persona"), 60):
            values["persona"] = order.brief.persona  # nothing that can be read: the brief suggests one
        if order.replaces is not None:
            self._taken.discard(order.replaces)
        blueprint = blueprint_from_values(
            values,
            self._template,
            brief=order.brief,
            run_id=self._run_id,
            model=self._model,
            attempt=order.attempt,
            taken=self._taken,
        )
        if order.replaces is not None and order.replaces != blueprint.name:
            self._remove(order.replaces)
        source = self._source(blueprint)
        self._on_state(blueprint.name, "written")
        self._check(source, blueprint.name)
        digest = self._save(blueprint, source)
        self._on_state(blueprint.name, "checked")
        return Created(blueprint=blueprint, sha256=digest)

    def _source(self, blueprint: Blueprint) -> str:
        return self._template.render(blueprint)

    def _check(self, source: str, name: str) -> None:
        findings = check_module(source, f"{name}.py")
        if findings:
            raise PolicyViolation("; ".join(str(finding) for finding in findings[:3]))

    def _save(self, blueprint: Blueprint, source: str) -> str:
        try:
            digest = write_module(self._directory, blueprint.name, source)
            (self._directory / f"{blueprint.name}.json").write_text(
                blueprint.model_dump_json(indent=2) + "\n", encoding="utf-8"
            )
        except OSError as error:
            fault = EnvironmentFault(f"cannot write to {self._directory.name!r}: {error.strerror}")
            self._on_fault(fault)
            raise BirthFailed(str(fault)) from error
        return digest

    def _remove(self, name: str) -> None:
        for suffix in (".py", ".json"):
            (self._directory / f"{name}{suffix}").unlink(missing_ok=True)


def write_module(directory: Path, name: str, source: str) -> str:
    """Write a module whole or not at all, readable by the sandbox's user, and give its SHA-256 in hexadecimal."""
    data = source.encode("utf-8")
    path, partial = directory / f"{name}.py", directory / f".{name}.partial"
    try:
        partial.write_bytes(data)
        partial.chmod(0o644)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return hashlib.sha256(data).hexdigest()
