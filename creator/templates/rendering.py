"""Rendering: a blueprint and a template become the text of a Python module.

Texts of unknown origin go in, code comes out, so nothing here trusts a text, a template or the blueprint's own
checks. Rendering has two steps. First Jinja2 renders the template with a plain identifier, a *mark*, wherever a value
is to stand; no value is in that text. The text is parsed, and every mark has to be an expression of its own (not part
of a string, a comment or another name). Then each mark is replaced by a Python literal, laid out as `ruff format`
would. Last the module is parsed again and compared: it is the template's syntax tree with each mark replaced by its
value, or it is refused. So no value can become code, and each reads back as it was.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import jinja2
from jinja2 import nodes
from pydantic import BaseModel

from creator.errors import BrokenTemplate, UsageError
from creator.models.hints import hints_for
from creator.templates.files import SOURCE_SUFFIX, read_schema, read_source
from creator.templates.lines import line_of, lines_of
from creator.templates.literals import place
from creator.templates.marks import MARK, Placed, Values, difference, make_environment, misplaced
from creator.templates.slots import BOUNDS
from creator.text import clean

TEMPLATES: Final = Path(__file__).resolve().parents[2] / "templates"
"""The shipped templates."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)

_UNREADABLE: Final = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What Python's parser raises for a text that is no Python."""
_NOT_ASKED_FOR: Final = BOUNDS | {"examples", "default", "title", "$comment"}


@dataclass(frozen=True)
class Template:
    """A module's text with slots, and the JSON Schema of the slots."""

    name: str
    source: str = field(repr=False)
    schema: dict[str, Any] = field(repr=False)
    folder: Path | None = None
    """Where its files lie."""

    @property
    def file(self) -> str:
        """The name of the file with its text."""
        return f"{self.name}{SOURCE_SUFFIX}"

    @property
    def description(self) -> str:
        """What it is for, in one line."""
        return clean(self.schema.get("description", ""), 200)

    @property
    def hints(self) -> dict[str, dict[str, Any]]:
        """By slot: how a small model fills it (the schema's ``x-fill``, or what follows from the slot itself)."""
        return hints_for(self.schema["properties"])

    @property
    def answer_schema(self) -> dict[str, Any]:
        """The schema as a provider's structured output takes it: every slot, without bounds and keywords of ours."""
        properties = {name: _asked_for(one) for name, one in self.schema["properties"].items()}
        return {
            "title": self.name,
            **{key: value for key, value in self.schema.items() if key in ("title", "description")},
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    def without(self, slots: Container[str]) -> Template:
        """The template with only the other slots in its schema: for asking for these alone, not for rendering.

        Args:
            slots: Names of slots whose values are known.
        """
        properties = {name: one for name, one in self.schema["properties"].items() if name not in slots}
        return replace(self, schema={**self.schema, "properties": properties})

    @cached_property
    def compiled(self) -> jinja2.Template:
        """The template as Jinja2 runs it.

        Raises:
            BrokenTemplate: Jinja2 cannot read it.
        """
        environment = make_environment()
        try:
            tree = environment.parse(self.source)
            compiled = environment.from_string(self.source)
        except jinja2.TemplateSyntaxError as error:
            raise self._fault(error.message or "Jinja2 cannot read it", error.lineno) from error
        except _UNREADABLE as error:
            raise self._fault(f"Jinja2 cannot read it: {_said(error)}") from error
        for kind in (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends):
            other = tree.find(kind)
            if other is not None:
                raise self._fault("a template stands alone: it cannot include, import or extend another", other.lineno)
        return compiled

    def render(self, blueprint: BaseModel) -> str:
        """The module's text for this blueprint, formatted.

        Raises:
            BrokenTemplate: The template is at fault: it puts a value inside a string or a comment, names a slot that
                does not exist, or is no Python.
        """
        return self.render_values(blueprint)

    def render_values(self, variables: BaseModel | Mapping[str, Any]) -> str:
        """Like `render`, for any values; they need not have been checked."""
        rendered = self._rendered(variables)
        text, values = rendered.text, rendered.values
        try:
            tree = parse_python(text)
        except _UNREADABLE as error:
            raise self._fault(f"this is no Python: {_said(error)}", rendered.origin(_line(error))) from error
        line = misplaced(text, tree, values)
        if line is not None:
            reason = "a value inside a string, a comment or a name; write NAME = {{ slots.goal }} without quotes"
            raise self._fault(reason, rendered.origin(line))
        try:
            module = place(text, MARK, values)
        except UsageError as error:
            raise self._fault(str(error), rendered.origin(rendered.first_line(_cannot_be_placed))) from error
        try:
            placed = parse_python(module)
        except _UNREADABLE as error:
            line = rendered.text_line(_line(error))
            raise self._fault(f"with its values this is no Python: {_said(error)}", rendered.origin(line)) from error
        line = difference(tree, placed, values)
        if line is not None:
            reason = "a value does not read back; place it as an operand of its own"
            raise self._fault(reason, rendered.origin(line))
        return module

    def source_line(self, variables: BaseModel | Mapping[str, Any], line: int) -> int | None:
        """The template's line that a line of the rendered module comes from; None when it cannot be told.

        Args:
            variables: What the module was rendered with.
            line: A line of the module, counted from 1.
        """
        rendered = self._rendered(variables)
        return rendered.origin(rendered.text_line(line))

    def _rendered(self, variables: BaseModel | Mapping[str, Any]) -> _Rendered:
        given = variables.model_dump() if isinstance(variables, BaseModel) else dict(variables)
        values = Values()
        try:
            text = self.compiled.render({**given, "_values": values})
        except BrokenTemplate:
            raise
        except Exception as error:  # a template computes with values, and can do so wrongly in any way
            said = (error.message or "") if isinstance(error, jinja2.TemplateError) else _said(error)
            said = re.sub("^'dict object' has no attribute", "there is no slot or field", said)
            raise self._fault(said or type(error).__name__, line_of(error)) from error
        return _Rendered(self, given, text, values.found)

    def _fault(self, reason: str, line: int | None = None) -> BrokenTemplate:
        return BrokenTemplate(self.name, self.file, line, reason)


@dataclass(frozen=True)
class _Rendered:
    """A template's text with marks.

    Attributes:
        template: What was rendered.
        given: The variables that it was rendered with.
        raw: The text as it came out of Jinja2.
        values: By mark.
    """

    template: Template
    given: Mapping[str, Any]
    raw: str
    values: Mapping[str, Placed]

    @property
    def text(self) -> str:
        return self.raw.strip("\n") + "\n"

    def origin(self, line: int | None) -> int | None:
        """The template's line that a line of the text comes from."""
        if line is None:
            return None
        given = {**self.given, "_values": Values()}
        lines = lines_of(make_environment(), self.template.source, given, self.raw)
        index = line - 1 + len(self.raw) - len(self.raw.lstrip("\n"))
        return lines[index] if index < len(lines) else None

    def text_line(self, module_line: int | None) -> int | None:
        """The line of the text that a line of the module comes from: a long value takes several."""
        if module_line is None:
            return None
        laid_out = 0

        def reached(line: str, values: Mapping[str, Placed]) -> bool:
            nonlocal laid_out
            laid_out += place(line, MARK, values).count("\n") + 1
            return laid_out >= module_line

        return self.first_line(reached)

    def first_line(self, is_wanted: Callable[[str, Mapping[str, Placed]], bool]) -> int | None:
        """The first line of the text that is wanted."""
        lines = enumerate(self.text.split("\n"), start=1)
        return next((number for number, line in lines if is_wanted(line, self.values)), None)


def _cannot_be_placed(line: str, values: Mapping[str, Placed]) -> bool:
    try:
        place(line, MARK, values)
    except UsageError:
        return True
    return False


def parse_python(text: str) -> ast.Module:
    """The syntax tree of a text; raises what `ast.parse` raises, and says nothing of odd escapes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _said(error: BaseException) -> str:
    """What an exception says of itself, without the file that Python makes up for a text."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return text if isinstance(error, UsageError | SyntaxError) else f"{type(error).__name__}: {text}"


def _line(error: BaseException) -> int | None:
    return error.lineno if isinstance(error, SyntaxError) else None


def _asked_for(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _asked_for(value) if key == "items" else value
        for key, value in one.items()
        if not key.startswith("x-") and key not in _NOT_ASKED_FOR
    }


def load_template(name: str, directory: Path = TEMPLATES) -> Template:
    """Reads ``<name>.py.j2`` and ``<name>.schema.json``.

    Args:
        name: The template's name, without suffix.
        directory: Where templates are.

    Raises:
        UsageError: There is no such template.
        BrokenTemplate: Its files cannot be used.
    """
    if not _NAME.fullmatch(name) or not (directory / f"{name}{SOURCE_SUFFIX}").is_file():
        known = sorted(one.name.removesuffix(SOURCE_SUFFIX) for one in directory.glob(f"[!.]*{SOURCE_SUFFIX}"))
        raise UsageError(f"there is no template {clean(name, 64)!r}; there are: {', '.join(known) or 'none'}")
    return read_template(directory, name)


def read_template(folder: Path, name: str) -> Template:
    """Reads the two files of a template.

    Raises:
        BrokenTemplate: They cannot be used, or one is missing.
    """
    if not _NAME.fullmatch(name):
        name = clean(name, 64)
        raise BrokenTemplate(name, f"{name}{SOURCE_SUFFIX}", None, "a template's name is lower case, like 'idea_agent'")
    template = Template(name, read_source(folder, name), read_schema(folder, name), folder)
    assert template.compiled
    return template
