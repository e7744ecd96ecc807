"""The Python module in a model's answer, without what models put around it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from creator.errors import InvalidAnswer
from creator.policy.source import parse
from creator.text import clean

MAX_ANSWER: Final = 100_000
"""Characters of an answer; a longer one is not read."""
MAX_PARSES: Final = 80
MAX_PARSED: Final = 500_000
"""Characters that are parsed for one answer, all tries together."""
MAX_STARTS: Final = 12
"""Lines that are tried as a module's first one, or as the first of a fenced block."""
QUOTED: Final = 80

_THOUGHT: Final = re.compile(r"\s*<(think|thinking|reasoning)>", re.IGNORECASE)
_THOUGHT_END: Final = re.compile(r"^[ \t]*</(?:think|thinking|reasoning)>[ \t]*$", re.IGNORECASE | re.MULTILINE)
_REFUSAL: Final = re.compile(r"\s*(?:i.m|i am|i) (?:sorry|unable|afraid|cannot|can.t|won.t|will not)\b", re.IGNORECASE)
_AGENT: Final = re.compile(r"^class Agent\b", re.MULTILINE)
_STATEMENT: Final = (
    r"(?:from [ \t]*[\w.]+ [ \t]*import\b|import [ \t]*[\w.]+[ \t]*(?:,|as\b|\#|$)|@\w|class [ \t]*\w+[ \t]*[(:]"
    r"|(?:async [ \t]*)?def [ \t]*\w+[ \t]*\()"
)
_CODE: Final = re.compile(f"^{_STATEMENT}", re.MULTILINE)
_START: Final = re.compile(rf"""{_STATEMENT}|\#|[rRuU]?["']|[A-Za-z_]\w*[ \t]*(?::[^=]{{1,60}})?=[^=]""")
"""How the first line of a module begins."""
_UNFINISHED: Final = re.compile(r"EOF|never closed|unterminated triple")
"""What Python says when a text ends too early, in the words of its versions."""


def module_in(answer: str) -> str:
    """The module that a model's answer holds.

    A block with ``class Agent`` is preferred, else the longest is taken; without fences it is the text from the first
    line that starts Python to the last that still parses. A module that is complete but no valid Python is
    given as it is: the policy says exactly what is wrong with it.

    Args:
        answer: Anything.

    Returns:
        The module with line feeds as its line ends, without blank lines around it.

    Raises:
        InvalidAnswer: There is none, or it was cut off; the text says so in a few words.
    """
    if len(answer) > MAX_ANSWER:
        raise InvalidAnswer(f"it has more than {MAX_ANSWER:,} characters; write a much shorter module")
    text = _without_thoughts(answer.replace("\r\n", "\n").removeprefix("\ufeff"))
    if not text.strip():
        raise InvalidAnswer("it is empty")
    parser = _Parser()
    lines = text.split("\n")
    best = max([*_fenced(lines, parser), *_loose(lines, parser)], key=_preference, default=None)
    if best is None:
        what = "refuses" if _REFUSAL.match(text) else "holds no Python module"
        raise InvalidAnswer(f"it {what}; it begins with {clean(text, QUOTED)!r}")
    if not best.text.strip():
        raise InvalidAnswer("its code block is empty")
    if best.problem and not best.closed and best.ends_early:
        raise InvalidAnswer(
            f"it ends in the middle, after {best.text.count(chr(10))} lines: either it was cut off, and the module has "
            "to be shorter, or a bracket or a quote is never closed"
        )
    return best.text


@dataclass(frozen=True)
class _Piece:
    """A part of an answer that may be the module.

    Attributes:
        text: Without blank lines around it, ending in a line end.
        closed: Whether a fence ended it.
        line: Where Python stops to understand it, counted from 1; 0 when it is valid.
        problem: What Python says there.
        body: The statements of a valid one.
    """

    text: str
    closed: bool
    line: int = 0
    problem: str = ""
    body: tuple[ast.stmt, ...] = ()

    @property
    def has_agent(self) -> bool:
        return _AGENT.search(self.text) is not None

    @property
    def ends_early(self) -> bool:
        return self.line >= self.text.count("\n") or _UNFINISHED.search(self.problem) is not None


def _preference(piece: _Piece) -> tuple[bool, bool, bool, int]:
    return piece.has_agent, not piece.problem, piece.closed or not piece.problem, len(piece.text)


class _Parser:
    """Parses a bounded number of texts: each try at hostile text costs time."""

    def __init__(self) -> None:
        self._tries = MAX_PARSES
        self._characters = MAX_PARSED

    @property
    def is_spent(self) -> bool:
        return self._tries <= 0 or self._characters <= 0

    def piece(self, lines: list[str], *, closed: bool) -> _Piece:
        """These lines as a piece, and what is wrong with it."""
        text = _trimmed(lines)
        self._tries -= 1
        self._characters -= len(text)
        if self.is_spent:
            return _Piece(text, closed, 1, "too many attempts")
        if _fence(text.split("\n", 1)[0])[0]:
            return _Piece(text, closed, 1, "a fence")  # Python reads "~~~name" as an expression
        found: list[tuple[int, str]] = []
        tree = parse(text, lambda rule, line, column, message: found.append((line, message)))
        return _Piece(text, closed, body=tuple(tree.body)) if tree is not None else _Piece(text, closed, *found[0])


def _trimmed(lines: list[str]) -> str:
    first, last = 0, len(lines)
    while first < last and not lines[first].strip():
        first += 1
    while last > first and not lines[last - 1].strip():
        last -= 1
    return "\n".join(lines[first:last]) + "\n"


def _without_thoughts(text: str) -> str:
    """The answer after what a reasoning model wrote to itself; some servers leave out the opening tag."""
    while begin := _THOUGHT.match(text):
        _, found, text = text[begin.end() :].partition(f"</{begin[1]}>")
        if not found:
            raise InvalidAnswer("it was cut off before the module began; think less")
    end = _THOUGHT_END.search(text)
    return text[end.end() :] if end is not None else text


def _fence(line: str) -> tuple[str, str]:
    """The marks of a line that opens or closes a fenced block, and what follows them; two empty texts for others."""
    text = line.strip()
    for mark in "`~":
        length = len(text) - len(text.lstrip(mark))
        if length >= 3 and mark not in text[length:]:
            return text[:length], text[length:]
    return "", ""


def _fenced(lines: list[str], parser: _Parser) -> Iterator[_Piece]:
    """The fenced blocks.

    A module may have fences in its own texts. So a block ends at the first fence at which it is valid Python, and
    every fence may open a block; what is valid only there is shorter than the module around it.
    """
    fences = [(number, *_fence(line)) for number, line in enumerate(lines) if line.lstrip(" \t")[:3] in ("```", "~~~")]
    fences = [one for one in fences if one[1]]
    for position, (start, marks, _) in enumerate(fences[:MAX_STARTS]):
        ends = [
            number
            for number, others, information in fences[position + 1 :]
            if others.startswith(marks) and not information.strip()
        ]
        indent = len(lines[start]) - len(lines[start].lstrip(" "))
        tried: list[_Piece] = []
        for end in ends:
            tried.append(parser.piece(_dedented(lines[start + 1 : end], indent), closed=True))
            if not tried[-1].problem or parser.is_spent:
                break
        if tried and not tried[-1].problem:
            yield tried[-1]
        else:
            # Of broken code, rather what does not end within one of its own texts.
            yield from [one for one in tried if not _UNFINISHED.search(one.problem)][:1] or tried[:1]
            yield from _loose(_dedented(lines[start + 1 :], indent), parser)


def _dedented(lines: list[str], indent: int) -> list[str]:
    """The content of an indented block (in a list, say), where all of it is indented as its fence is."""
    blank = " " * indent
    if indent and all(line.startswith(blank) or not line.strip() for line in lines):
        return [line[indent:] for line in lines]
    return lines


def _loose(lines: list[str], parser: _Parser) -> list[_Piece]:
    """The module in lines without fences: at most one piece."""
    pieces = []
    for start in [number for number, line in enumerate(lines) if _START.match(line)][:MAX_STARTS]:
        piece = _from(lines[start:], parser)
        if _CODE.search(piece.text):
            pieces.append(piece)
        # A line of prose may look like Python; a module's own lines are not passed over to find less that is valid.
        if (piece.has_agent and not piece.problem) or _CODE.match(lines[start]) or parser.is_spent:
            break
    return [max(pieces, key=_preference)] if pieces else []


def _from(lines: list[str], parser: _Parser) -> _Piece:
    """The module that begins at the first of these lines, without the prose after it."""
    whole = parser.piece(lines, closed=False)
    if not whole.problem:
        return _without_words(whole)
    # Prose stands at the left margin, at or before the line that is no Python.
    ends = [number for number, line in enumerate(lines[: whole.line]) if number and line[:1].strip()]
    for end in reversed(ends):
        if _START.match(lines[end]) or parser.is_spent:
            continue  # broken code, rather than prose
        piece = parser.piece(lines[:end], closed=False)
        if not piece.problem:
            return _without_words(piece)
    return whole


def _without_words(piece: _Piece) -> _Piece:
    """Without lines at the end that are prose and yet Python, such as "Enjoy"."""
    last = len(piece.body)
    while last and _is_word(piece.body[last - 1]):
        last -= 1
    if last == len(piece.body):
        return piece
    return _Piece(_trimmed(piece.text.split("\n")[: piece.body[last].lineno - 1]), piece.closed)


def _is_word(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.Constant | ast.Call)
