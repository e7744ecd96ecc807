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
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jinja2
import jsonschema
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel

from creator.errors import UsageError
from creator.literals import Value, docstring_text, place
from creator.slots import BOUNDS, check_slots
from creator.text import encodable

if TYPE_CHECKING:
    from creator.blueprint import Blueprint

TEMPLATES: Final = Path(__file__).resolve().parent.parent / "templates"
"""The shipped templates."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_MARK: Final = re.compile(r"_slot_[0-9]+_value_")


@dataclass(frozen=True)
class _Docstring:
    """Paragraphs that a template wants as a docstring."""

    paragraphs: tuple[str, ...]


@dataclass
class _Values:
    """The values of one rendering, by mark; the paragraphs of a docstring are a tuple."""

    found: dict[str, Value | tuple[str, ...]] = field(default_factory=dict)

    def mark(self, value: object) -> str:
        """Keeps the value and returns the identifier that stands for it."""
        if isinstance(value, jinja2.Undefined):
            str(value)  # StrictUndefined: raises, and names what is missing
        name = f"_slot_{len(self.found)}_value_"
        self.found[name] = value.paragraphs if isinstance(value, _Docstring) else _plain(value)
        return name


def _plain(value: object, depth: int = 0) -> Value:
    """The value as built-in types; anything else has no literal."""
    if value is None or isinstance(value, bool):
        return value
    # Subclasses (enum members, Jinja2's Markup) become what they are at heart: their own repr is no literal.
    if isinstance(value, str):
        return "".join(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, list | tuple) and depth < 8:
        return [_plain(one, depth + 1) for one in value]
    if isinstance(value, dict) and depth < 8:
        return {"".join(key): _plain(one, depth + 1) for key, one in value.items() if isinstance(key, str)}
    raise UsageError(f"a template can place texts, numbers, lists and dicts, not {type(value).__name__!r}")


@jinja2.pass_context
def _finalize(context: jinja2.runtime.Context, value: object) -> str:
    # With the context, Jinja2 asks at rendering for constants of the template, too, instead of when it compiles.
    values = context["_values"]
    assert isinstance(values, _Values)
    return values.mark(value)


def _docstring(paragraphs: list[object]) -> _Docstring:
    # Python 3.13 refuses a lone surrogate in a docstring, and only there.
    return _Docstring(tuple(encodable(str(one)) for one in paragraphs))


def _environment() -> jinja2.Environment:
    environment = ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        autoescape=False,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["docstring"] = _docstring
    return environment


@dataclass(frozen=True)
class Template:
    """A module's text with slots, and the JSON Schema of the slots."""

    name: str
    source: str = field(repr=False)
    schema: dict[str, Any] = field(repr=False)

    @property
    def hints(self) -> dict[str, dict[str, Any]]:
        """By property: how a small model fills it (the schema's ``x-fill``)."""
        properties: Mapping[str, dict[str, Any]] = self.schema["properties"]
        return {name: one["x-fill"] for name, one in properties.items() if "x-fill" in one}

    @property
    def answer_schema(self) -> dict[str, Any]:
        """The schema without our own keywords and without bounds, as a provider's structured output takes it."""
        properties = {name: _without_bounds(one) for name, one in self.schema["properties"].items()}
        return {
            **{key: value for key, value in self.schema.items() if not key.startswith(("x-", "$"))},
            "properties": properties,
        }

    @cached_property
    def _compiled(self) -> jinja2.Template:
        try:
            return _environment().from_string(self.source)
        except jinja2.TemplateSyntaxError as error:
            raise UsageError(f"template {self.name!r}, line {error.lineno}: {error.message}") from error

    def render(self, blueprint: Blueprint) -> str:
        """The module's text for this blueprint, formatted.

        Raises:
            UsageError: The template is at fault: it puts a value inside a string or a comment, names a slot that
                does not exist, or is no Python.
        """
        return self.render_values(blueprint)

    def render_values(self, variables: BaseModel | Mapping[str, Any]) -> str:
        """Like `render`, for any values; they need not have been checked."""
        given = variables.model_dump() if isinstance(variables, BaseModel) else dict(variables)
        values = _Values()
        try:
            text = self._compiled.render({**given, "_values": values})
        except jinja2.TemplateError as error:
            raise UsageError(f"template {self.name!r}: {error.message}") from error
        text = text.strip("\n") + "\n"
        tree = self._parsed(text, "before its values are placed")
        self._check_marks(text, tree, values.found)
        module = place(text, _MARK, values.found)
        if not _reads_back(tree, self._parsed(module, "with its values"), values.found):
            raise UsageError(f"template {self.name!r}: a value does not read back; place it as an operand of its own")
        return module

    def _parsed(self, text: str, when: str) -> ast.Module:
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            place_of_error = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
            raise UsageError(f"template {self.name!r} is no Python {when}{place_of_error}") from error

    def _check_marks(self, text: str, tree: ast.Module, values: Mapping[str, Value | tuple[str, ...]]) -> None:
        """Every mark in the text has to be an expression; one in a string, a comment or an f-string is not."""
        inside = {id(one) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for one in ast.walk(node)}
        expressions = [
            (node.lineno, node.id)
            for node in ast.walk(tree)
            if isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Load)
            and node.id in values
            and id(node) not in inside
        ]
        marks = [
            (number, match[0])
            for number, line in enumerate(text.split("\n"), start=1)
            for match in _MARK.finditer(line)
        ]
        if sorted(marks) != sorted(expressions):
            wrong = sorted(Counter(marks) - Counter(expressions))
            line = wrong[0][0] if wrong else 1
            raise UsageError(
                f"template {self.name!r}: line {line} of its module has a value inside a string or a comment; "
                "write NAME = {{ slots.goal }} without quotes"
            )


def _without_bounds(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _without_bounds(value) if key == "items" else value
        for key, value in one.items()
        if not key.startswith("x-") and key not in BOUNDS
    }


def _reads_back(expected: object, found: object, values: Mapping[str, Value | tuple[str, ...]]) -> bool:
    """Whether ``found`` is the tree ``expected`` with every mark replaced by the literal of its value."""
    if isinstance(expected, ast.Name) and expected.id in values:
        value = values[expected.id]
        if not isinstance(found, ast.expr):
            return False
        try:
            read = ast.literal_eval(found)
        except ValueError:
            return False
        if isinstance(value, tuple):
            return bool(read == docstring_text(value, " " * expected.col_offset))
        return repr(read) == repr(value)  # tells True from 1 and 0.0 from -0.0, unlike ==
    if isinstance(expected, ast.AST):
        return type(expected) is type(found) and all(
            _reads_back(one, getattr(found, name, None), values) for name, one in ast.iter_fields(expected)
        )
    if isinstance(expected, list):
        return (
            isinstance(found, list)
            and len(found) == len(expected)
            and all(_reads_back(one, other, values) for one, other in zip(expected, found, strict=True))
        )
    return type(expected) is type(found) and expected == found


def load_template(name: str, directory: Path = TEMPLATES) -> Template:
    """Reads ``<name>.py.j2`` and ``<name>.schema.json``.

    Args:
        name: The template's name, without suffix.
        directory: Where templates are.

    Raises:
        UsageError: There is no such template, or its schema is not a JSON Schema of an object.
    """
    source, schema_file = directory / f"{name}.py.j2", directory / f"{name}.schema.json"
    if not _NAME.fullmatch(name) or not source.is_file():
        known = sorted(one.name.removesuffix(".py.j2") for one in directory.glob("*.py.j2"))
        raise UsageError(f"there is no template {name!r}; there are: {', '.join(known) or 'none'}")
    try:
        schema = json.loads(schema_file.read_text("utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        text = source.read_text("utf-8")
    except (OSError, ValueError, jsonschema.SchemaError) as error:
        reason = error.message if isinstance(error, jsonschema.SchemaError) else str(error)
        raise UsageError(f"template {name!r}: {schema_file.name!r} cannot be used: {reason}") from error
    try:
        check_slots(schema if isinstance(schema, dict) else {})
    except UsageError as error:
        raise UsageError(f"template {name!r}: {schema_file.name!r} cannot be used: {error}") from None
    return Template(name=name, source=text, schema=schema)
