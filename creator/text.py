"""Texts of unknown origin, made safe for a terminal, a file name and a Markdown file.

What a model or a cell wrote may hold terminal escapes, marks that turn the reading direction, headings that
pose as ours, or megabytes. Everything shown to a person passes through here (HTML is Jinja2's autoescape).
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from typing import Final

_ESCAPES: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor, screen
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS, APC
    r"|\x1b[ -/]*[0-~]"  # two-character escapes
)
_PLAIN: Final = re.compile(r"[ -~]*")
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS: Final = frozenset({"\u200d", "\u200c"})
"""Format characters that emoji and several scripts need; they neither hide text nor turn its direction."""

_MAX_MARKS: Final = 4
"""Combining marks in a row that are kept; stacks of hundreds overprint the lines around them."""


def clean(text: str, limit: int | None = None) -> str:
    """One line of plain visible text.

    Args:
        text: Anything.
        limit: Most characters of the result; longer text ends in "…".

    Returns:
        The text without terminal escapes, control and direction characters and unpaired surrogates, every run
        of white space a single blank.
    """
    if limit is not None:
        text = text[: limit * 4 + 400]  # bounded before the work, with room for what is dropped
    line = " ".join(_visible(text, keep="").split())
    return shorten(line, limit) if limit is not None else line


def clean_lines(text: str, limit: int | None = None) -> str:
    """Like `clean`, but line breaks and tabs stay: for source code and paragraphs."""
    if limit is not None:
        text = text[: limit * 4 + 400]
    lines = _visible(text.replace("\r\n", "\n").replace("\r", "\n"), keep="\n\t")
    return shorten(lines, limit) if limit is not None else lines


def shorten(text: str, limit: int) -> str:
    """The text within ``limit`` characters; what is cut is marked with "…"."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)].rstrip() + "…"


def encodable(text: str) -> str:
    """The text with unpaired surrogates replaced, so that UTF-8 can hold it."""
    return text.encode("utf-8", "replace").decode("utf-8")


def label(name: str) -> str:
    """The name of a part of an idea as people read it: ``first_step`` becomes ``First step``."""
    return clean(name.replace("_", " ").capitalize(), 60)


def slug(text: str, limit: int = 60, default: str = "idea") -> str:
    """A file name part of ``[a-z0-9-]``, at most ``limit`` characters, ``default`` when nothing is left."""
    ascii_only = unicodedata.normalize("NFKD", text[:1_000]).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")
    if len(name) > limit:
        name = name[:limit].rsplit("-", 1)[0] if "-" in name[:limit] else name[:limit]
    return name.strip("-") or default


def markdown_line(text: str, limit: int | None = None) -> str:
    """One line of Markdown that reads as the text and nothing else: no markup, no HTML, no link, no image."""
    return _escape_markdown(clean(text, limit))


def markdown_paragraphs(text: str, limit: int | None = None) -> str:
    """Paragraphs of Markdown that read as the text: no line of it can become a heading, a list or a rule."""
    blocks = re.split(r"\n\s*\n", clean_lines(text, limit))
    lines = (markdown_line(block) for block in blocks)
    return "\n\n".join(line for line in lines if line)


def markdown_lines(text: str, width: int, limit: int | None = None, *, lead: str = "", hang: str = "") -> str:
    """One paragraph of Markdown in lines that fit on a terminal, none of which begins as anything but text.

    Args:
        text: Anything.
        width: Most characters of a line; a longer word has a line of its own.
        limit: Most characters of the text, as in `clean`.
        lead: Markdown of our own that it begins with.
        hang: What all further lines begin with, such as the indentation of a list.
    """
    escaped = f"{lead}{markdown_line(text, limit)}"
    room = width - len(hang) - 1
    lines = textwrap.wrap(escaped, room, break_long_words=False, break_on_hyphens=False)
    return f"\n{hang}".join([*lines[:1], *map(_begin_plainly, lines[1:])])


def _escape_markdown(line: str) -> str:
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*\[\]|~$]|(?<!\w)_|_(?!\w))", r"\\\1", line)  # "_" inside a word is no markup
    line = re.sub(r"(?i)(https?|ftp)://", r"\1\\://", line)  # no automatic link to a place of the model's choice
    line = re.sub(r"(?i)(www)\.", r"\1\\.", line)
    # Some places turn these into links and calls to people whatever stands before them; a space of no width stops that.
    line = re.sub(r"@(?=\w)|#(?=\d)|(?i:(?<![a-z])GH-)(?=\d)", r"\g<0>&#8203;", line)
    return _begin_plainly(line)


def _begin_plainly(line: str) -> str:
    """A line of Markdown that does not begin as a heading, a list or a rule does."""
    line = re.sub(r"^([#+=:-])", r"\\\1", line)
    return re.sub(r"^(\d+)([.)])", r"\1\\\2", line)


def _visible(text: str, keep: str) -> str:
    if _PLAIN.fullmatch(text):
        return text  # as nearly all texts: a run of a thousand ideas shows tens of thousands
    kept: list[str] = []
    marks = 0
    for character in _ESCAPES.sub("", text):
        if character.isascii():
            marks = 0
            if (character >= " " and character != "\x7f") or character in keep:
                kept.append(character)
            elif character.isspace():
                kept.append(" ")
            continue
        category = unicodedata.category(character)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if marks > _MAX_MARKS:
            continue
        if category not in _INVISIBLE or character in _JOINERS:
            kept.append(character)
        elif category in {"Zl", "Zp"} or character == "\x85":
            kept.append(" ")
    return "".join(kept)
