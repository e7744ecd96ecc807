"""Values as Python literals, laid out the way `ruff format` lays them out.

Whatever cannot be seen in an editor (control characters, marks that turn the reading direction, lone surrogates,
unassigned characters) is escaped; letters and emoji of every script stay readable.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from creator.errors import UsageError

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"

LINE_LENGTH: Final = 110
_INDENT: Final = "    "
_ESCAPES: Final = {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\\": r"\\"}
_JOINERS: Final = "\u200c\u200d"
"""Invisible, but emoji and several scripts are unreadable without them, and they hide nothing."""
_MAX_INTEGER_BITS: Final = 1024
_ALONE: Final = re.compile(r"(?P<prefix>\s*(?:return |[^#\"']*= ?)?)(?P<mark>\w+)(?P<suffix>,?)")


def literal(value: Value) -> str:
    """The value as a literal on one line; ``ast.literal_eval`` gives the value back.

    Raises:
        UsageError: A number that has no literal (not a number, infinite, more than 300 digits).
    """
    if isinstance(value, str):
        quote = "'" if value.count('"') > value.count("'") else '"'
        return quote + "".join(_escaped(one, quote) for one in value) + quote
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"{value!r} has no literal: a template can place finite numbers only")
    if isinstance(value, int) and value.bit_length() > _MAX_INTEGER_BITS:
        raise UsageError(f"an integer of {value.bit_length()} bits is too long to be placed in a module")
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(key)}: {literal(one)}" for key, one in value.items()) + "}"
    return repr(value)


def laid_out(value: Value, prefix: str, suffix: str = "") -> str:
    """The value after ``prefix`` and before ``suffix``, on as many lines as it needs.

    A long text becomes a parenthesised concatenation that breaks after line breaks and at blanks; a long list or
    dict gets a line for each item.

    Returns:
        The whole lines, prefix and suffix included.
    """
    flat = literal(value)
    if _width(prefix + flat + suffix) <= LINE_LENGTH:
        return prefix + flat + suffix
    outer = prefix[: len(prefix) - len(prefix.lstrip(" "))]
    inner = outer + _INDENT
    if isinstance(value, str):
        room = LINE_LENGTH - len(inner)
        parts = [value] if _width(flat) <= room else list(_parts(value, room - 2))
        return "\n".join([f"{prefix}(", *(inner + literal(part) for part in parts), f"{outer}){suffix}"])
    if isinstance(value, list):
        return "\n".join([f"{prefix}[", *(f"{inner}{literal(one)}," for one in value), f"{outer}]{suffix}"])
    if isinstance(value, dict):
        items = (f"{inner}{literal(key)}: {literal(one)}," for key, one in value.items())
        return "\n".join([f"{prefix}{{", *items, f"{outer}}}{suffix}"])
    return prefix + flat + suffix


def docstring_text(paragraphs: tuple[str, ...], indent: str) -> str:
    """The content of a docstring: paragraphs wrapped to the line length, white space collapsed."""
    blocks: list[str] = []
    for number, paragraph in enumerate(paragraphs):
        # The opening quotes, and the closing ones of a docstring of one line, take three columns each.
        room = LINE_LENGTH - len(indent) - (6 if number == 0 else 0)
        lines = (part.strip(" ") for part in _parts(" ".join(paragraph.split()), room))
        blocks.append(f"\n{indent}".join(line for line in lines if line))
    text = f"\n\n{indent}".join(block for block in blocks if block)
    return f"{text}\n{indent}" if "\n" in text else text


def docstring_literal(paragraphs: tuple[str, ...], indent: str) -> str:
    """A triple-quoted literal of `docstring_text`."""
    lines = docstring_text(paragraphs, indent).split("\n")
    return '"""' + "\n".join("".join(_escaped(one, '"') for one in line) for line in lines) + '"""'


def place(text: str, mark: re.Pattern[str], values: Mapping[str, Value | tuple[str, ...]]) -> str:
    """Puts literals where the marks are.

    Args:
        text: A module's text in which every mark is an expression.
        mark: Matches the marks.
        values: By mark; a tuple holds the paragraphs of a docstring.
    """
    lines: list[str] = []
    for line in text.split("\n"):
        alone = _ALONE.fullmatch(line)
        value = values.get(alone["mark"], ()) if alone else ()
        if alone and not isinstance(value, tuple):
            lines.append(laid_out(value, alone["prefix"], alone["suffix"]))
            continue
        indent = line[: len(line) - len(line.lstrip(" "))]
        lines.append(mark.sub(lambda match, indent=indent: _inline(values[match[0]], indent), line))  # type: ignore[misc]
    return "\n".join(lines)


def _inline(value: Value | tuple[str, ...], indent: str) -> str:
    return docstring_literal(value, indent) if isinstance(value, tuple) else literal(value)


def _escaped(character: str, quote: str) -> str:
    if character == quote:
        return "\\" + quote
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable() or character in _JOINERS:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _width(text: str) -> int:
    """Columns of a terminal that the text takes."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _parts(text: str, room: int) -> Iterator[str]:
    """Cuts a text into parts whose escaped forms fit into ``room`` columns: after a line break, else after a blank."""
    start = used = 0
    blank = -1
    for position, character in enumerate(text):
        columns = _width(_escaped(character, "'" if character == "'" else '"'))
        if used + columns > room and position > start:
            cut = blank + 1 if blank >= start else position
            yield text[start:cut]
            start = cut
            used = sum(_width(_escaped(one, "'" if one == "'" else '"')) for one in text[start:position])
        used += columns
        if character == "\n":
            yield text[start : position + 1]
            start, used, blank = position + 1, 0, -1
        elif character == " ":
            blank = position
    if start < len(text):
        yield text[start:]
