"""Checks of a template: whatever its slots hold, a module comes out that passes the policy and lives in a cell."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from creator.briefs import Brief, draw_briefs
from creator.errors import BrokenTemplate, InvalidAnswer
from creator.models.hints import FACTS, named_facts
from creator.policy import check_module
from creator.templates.examples import example_blueprint, example_variables, extremes
from creator.templates.files import SCHEMA_SUFFIX, line_of_slot
from creator.templates.finding import Found
from creator.templates.rendering import Template
from creator.text import clean

Step = Literal["read", "render", "compile", "policy", "cell"]
State = Literal["ok", "wrong", "not tried"]

ORDINARY: Final = "ordinary"
"""How the example with ordinary values is called."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        place: File and line, as far as they are known: ``mine/poet.py.j2:12``.
        text: What is wrong, in one line.
        examples: The examples that show it; none where it shows without one.
    """

    place: str
    text: str
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.examples:
            return f"{self.place}: {self.text}"
        others = f" and {len(self.examples) - 1} more" if len(self.examples) > 1 else ""
        return f"{self.place}: {self.text} (example {self.examples[0]!r}{others})"


@dataclass
class Check:
    """What was found out about one template.

    Attributes:
        name: The template's name.
        folder: Where its files lie.
        template: The template; None when it could not be read.
        modules: The modules to be tried in a cell, by name of an agent that is only being tried.
        examples: By that name: which example the module was made from.
        tried: By step: how many examples it was tried with.
        problems: By step: what is wrong.
    """

    name: str
    folder: Path
    template: Template | None
    modules: dict[str, str] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    tried: dict[Step, int] = field(default_factory=dict)
    problems: dict[Step, list[Problem]] = field(default_factory=dict)

    def state(self, step: Step) -> State:
        """How a step came out."""
        if self.problems.get(step):
            return "wrong"
        return "ok" if step == "read" or self.tried.get(step) else "not tried"

    @property
    def works(self) -> bool:
        """Whether nothing is wrong."""
        return not any(self.problems.values())

    def note(self, step: Step, line: int | None, text: str, *examples: str, file: str = "") -> None:
        """Note a problem; one that other examples showed already is the same."""
        file = file or (self.template.file if self.template is not None else self.name)
        place = clean(str(self.folder / file), 300) + (f":{line}" if line is not None else "")
        text = clean(text, 400)
        known = self.problems.setdefault(step, [])
        for number, one in enumerate(known):
            if (one.place, one.text) == (place, text):
                known[number] = Problem(place, text, (*one.examples, *examples))
                return
        known.append(Problem(place, text, examples))

    def note_trials(self, reasons: Mapping[str, str]) -> None:
        """Take in how the modules did in a cell.

        Args:
            reasons: By name of the agent: why its module failed; empty when it did not.
        """
        self.tried["cell"] = len(self.modules)
        for name, example in self.examples.items():
            if reasons[name]:
                self.note("cell", None, reasons[name], example)


def check_template(found: Found, number: int = 1) -> Check:
    """All steps that run nothing of the template: read, render, compile, policy.

    Args:
        found: The template.
        number: Tells the agents that are tried from those of other templates.
    """
    check = Check(found.name, found.folder, found.template)
    if found.problem is not None:
        check.note("read", found.problem.line, found.problem.reason, file=found.problem.file)
    if found.template is None:
        return check
    for slot, text in _unknown_facts(found.template):
        line = line_of_slot(found.folder, found.name, slot)
        check.note("read", line, text, file=f"{found.name}{SCHEMA_SUFFIX}")
    try:
        example_blueprint(found.template, _brief())
    except InvalidAnswer as error:
        check.note("read", None, f"its example values cannot be used: {error}", file=f"{found.name}{SCHEMA_SUFFIX}")
        return check
    examples = [ORDINARY, *extremes(found.template)]
    check.tried |= {"render": len(examples), "compile": 0, "policy": 0}
    for index, example in enumerate(examples):
        _check_example(check, found.template, example, f"trial_{number}x{index}")
    return check


def _brief() -> Brief:
    return draw_briefs(1, seed=0)[0]


def _unknown_facts(template: Template) -> Iterator[tuple[str, str]]:
    """By slot: what is wrong with the facts that its hint names; they would be left out."""
    known = set(FACTS)
    for slot, hint in template.hints.items():
        for fact in sorted(set(named_facts(hint)) - known):
            names = ", ".join(sorted(known))
            yield (
                slot,
                f"slot {slot!r}: its 'x-fill' names the fact {fact!r}, which is not known here; known are: {names}",
            )
        known.add(slot)


def _check_example(check: Check, template: Template, example: str, name: str) -> None:
    extreme = None if example == ORDINARY else example
    brief = _brief()
    variables = example_variables(template, brief, extreme)
    try:
        module = template.render_values(variables)
    except BrokenTemplate as error:
        check.note("render", error.line, error.reason, example)
        return
    check.tried["compile"] += 1
    check.tried["policy"] += 1
    for line, text in _compiled(module):
        check.note("compile", template.source_line(variables, line), text, example)
    for finding in check_module(module, template.file):
        at = template.source_line(variables, finding.line)
        check.note("policy", at, f"{finding.rule} {finding.message}", example)
    try:
        check.modules[name] = template.render(example_blueprint(template, brief, extreme, name))
        check.examples[name] = example
    except InvalidAnswer:
        pass  # nothing is left of these values once they are cleaned: no agent ever gets them
    except BrokenTemplate as error:
        check.note("render", error.line, error.reason, example)


def _compiled(module: str) -> Iterator[tuple[int, str]]:
    """What Python's compiler says of a module, line and text; a warning is worth mending as well."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            compile(module, "<module>", "exec", dont_inherit=True)
    except SyntaxError as error:
        yield error.lineno or 1, error.msg
    except (ValueError, RecursionError, MemoryError) as error:
        yield 1, f"{type(error).__name__}: {error}"
