"""Lines: where in a template the lines of a rendered text come from, so that a mistake is told with its line.

The template is rendered once more, with every piece of its text marked with the line that it stands in. This is
done only when there is something to tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import jinja2
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

_NUMBER: Final = re.compile("\0([0-9]+)\0")
_NUMBERS: Final = re.compile("(?:\0([0-9]+)\0)+")
FILE: Final = "<template>"
"""How Jinja2 names a template that comes from a text."""


class _Numbered(Extension):
    """Puts the number of its line before each line of a template's text."""

    def filter_stream(self, stream: TokenStream) -> Iterable[Token]:
        for token in stream:
            if token.type == "data":
                lines = token.value.split("\n")
                numbered = (f"\0{number}\0{line}" for number, line in enumerate(lines, start=token.lineno))
                yield Token(token.lineno, token.type, "\n".join(numbered))
            else:
                yield token


def lines_of(environment: jinja2.Environment, source: str, variables: Mapping[str, Any], text: str) -> list[int]:
    """For each line of a rendered text the template's line that it comes from.

    Args:
        environment: What the text was rendered with.
        source: The template.
        variables: What it was rendered with.
        text: What came out.

    Returns:
        As many numbers as the text has lines; empty when it does not come out a second time.
    """
    try:
        numbered = environment.overlay(extensions=[_Numbered]).from_string(source).render(variables)
    except Exception:  # a template can do what it likes with its own text, such as count its letters
        return []
    if _NUMBER.sub("", numbered) != text:
        return []
    found: list[int] = []
    last = 1
    for line in numbered.split("\n"):
        # Of the numbers before the line's first character the last counts: those before it are of what was left out.
        before = _NUMBERS.match(line)
        found.append(int(before[1]) if before is not None else last)
        last = int((_NUMBER.findall(line) or [last])[-1])
    return found


def line_of(error: BaseException) -> int | None:
    """The template's line in which an exception was raised while it was rendered."""
    found, frame = None, error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == FILE:
            found = frame.tb_lineno
        frame = frame.tb_next
    return found
