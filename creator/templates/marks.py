"""Marks: identifiers that stand in a template's text wherever a value is to go.

No value is in the text that Jinja2 renders, so nothing in a value can become part of it.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from creator.errors import UsageError
from creator.templates.literals import Value, docstring_text
from creator.text import encodable

MARK: Final = re.compile(r"_slot_[0-9]+_value_")

Placed: TypeAlias = "Value | tuple[str, ...]"
"""What a mark stands for; the paragraphs of a docstring are a tuple."""


@dataclass(frozen=True)
class _Docstring:
    """Paragraphs that a template wants as a docstring."""

    paragraphs: tuple[str, ...]


@dataclass
class Values:
    """The values of one rendering, by mark."""

    found: dict[str, Placed] = field(default_factory=dict)

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
    assert isinstance(values, Values)
    return values.mark(value)


def _docstring(paragraphs: list[object]) -> _Docstring:
    # Python 3.13 refuses a lone surrogate in a docstring, and only there.
    return _Docstring(tuple(encodable(str(one)) for one in paragraphs))


def make_environment() -> jinja2.Environment:
    """An environment in which ``{{ … }}`` renders as a mark; the rendering's `Values` go by the name ``_values``."""
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


def misplaced(text: str, tree: ast.Module, values: Mapping[str, Placed]) -> int | None:
    """The first line with a mark that is no expression of its own, but in a string, a comment or an f-string."""
    inside = {id(one) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for one in ast.walk(node)}
    expressions = Counter(
        (node.lineno, node.id)
        for node in ast.walk(tree)
        if isinstance(node, ast.Name)
        and isinstance(node.ctx, ast.Load)
        and node.id in values
        and id(node) not in inside
    )
    marks = Counter(
        (number, match[0]) for number, line in enumerate(text.split("\n"), start=1) for match in MARK.finditer(line)
    )
    # Either way round: a mark that the template's own text imitates is as wrong as one that is hidden.
    wrong = sorted((marks - expressions) + (expressions - marks))
    return wrong[0][0] if wrong else None


def difference(expected: object, found: object, values: Mapping[str, Placed], line: int = 1) -> int | None:
    """Where ``found`` is not the tree ``expected`` with every mark replaced by the literal of its value.

    Args:
        expected: A syntax tree with marks.
        found: The tree with values.
        values: By mark.
        line: The line of whatever holds ``expected``.

    Returns:
        The line in the text of ``expected``; None when there is no difference.
    """
    line = getattr(expected, "lineno", line)
    if isinstance(expected, ast.Name) and expected.id in values:
        return None if _reads_back(expected, found, values[expected.id]) else line
    if isinstance(expected, ast.AST):
        if type(expected) is not type(found):
            return line
        pairs = [(one, getattr(found, name, None)) for name, one in ast.iter_fields(expected)]
    elif isinstance(expected, list):
        if not isinstance(found, list) or len(found) != len(expected):
            return line
        pairs = list(zip(expected, found, strict=True))
    else:
        return None if type(expected) is type(found) and expected == found else line
    return next((at for one, other in pairs if (at := difference(one, other, values, line)) is not None), None)


def _reads_back(mark: ast.Name, found: object, value: Placed) -> bool:
    if not isinstance(found, ast.expr):
        return False
    try:
        read = ast.literal_eval(found)
    except ValueError:
        return False
    if isinstance(value, tuple):
        return bool(read == docstring_text(value, " " * mark.col_offset))
    return repr(read) == repr(value)  # tells True from 1 and 0.0 from -0.0, unlike ==
