"""From bytes or text to a syntax tree, with bounds on everything before Python's parser sees it."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Callable
from typing import Final

from creator.policy.findings import quoted

MAX_SOURCE_BYTES: Final = 400_000
MAX_LINE_LENGTH: Final = 10_000
MAX_BRACKETS: Final = 40
MAX_INDENTS: Final = 20
MAX_DOTS: Final = 60
"""In one dotted name: Python's parser takes quadratic time on it."""
MAX_NODES: Final = 50_000
MAX_DEPTH: Final = 80

Report = Callable[[str, int, int, str], None]
"""Takes rule, line, column (both counted from 1) and message."""

_COOKIE: Final = re.compile(r"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)
_FORBIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def parse(source: str | bytes, report: Report) -> ast.Module | None:
    """The module's syntax tree, or None after reporting why there is none. Never raises."""
    text = _text(source, report)
    if text is None or not _lexically_bounded(text, report):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd escapes in a module are not this process's warnings
            tree = ast.parse(text)
    except SyntaxError as error:
        report("SYNTAX001", error.lineno or 1, error.offset or 1, f"not valid Python: {quoted(error.msg)}")
        return None
    except (ValueError, RecursionError, MemoryError, OverflowError):
        report("SOURCE004", 1, 1, "the module is nested too deeply to be parsed; write shorter expressions")
        return None
    return tree if _structurally_bounded(tree, report) else None


def _text(source: str | bytes, report: Report) -> str | None:
    too_large = f"the module is larger than {MAX_SOURCE_BYTES} bytes; write less"
    if len(source) > MAX_SOURCE_BYTES:
        report("SOURCE001", 1, 1, too_large)
        return None
    try:
        data = source if isinstance(source, bytes) else source.encode("utf-8")
        text = data.decode("utf-8")
    except UnicodeError:
        report("SOURCE002", 1, 1, "the module is not valid UTF-8")
        return None
    if len(data) > MAX_SOURCE_BYTES:
        report("SOURCE001", 1, 1, too_large)
        return None
    # Python would take a lone carriage return for a line end, an editor would not: only "\r\n" is one here.
    text = text.replace("\r\n", "\n")
    found = _FORBIDDEN.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - text.rfind("\n", 0, found.start())
        report("SOURCE003", line, column, f"character U+{ord(found[0]):04X} is not allowed; write it as an escape")
        return None
    lines = text.split("\n")
    for number, line_text in enumerate(lines, start=1):
        if len(line_text) > MAX_LINE_LENGTH:  # some of Python's tokenizers take quadratic time on a line
            report("SOURCE004", number, MAX_LINE_LENGTH + 1, f"break this line of {len(line_text)} characters")
            return None
    for number, line_text in enumerate(lines[:2], start=1):
        cookie = _COOKIE.match(line_text)
        if cookie and cookie[1].lower().replace("_", "-") not in {"utf-8", "utf8"}:
            report("SOURCE002", number, 1, f"the module declares the encoding {quoted(cookie[1])}; remove that line")
            return None
    return text


def _lexically_bounded(text: str, report: Report) -> bool:
    """Bounds the nesting by reading tokens: Python's parser has taken exponential time on nested brackets."""
    brackets = indents = dots = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.OP:
                dots = dots + 1 if token.string == "." else 0
                brackets += (token.string in "([{") - (token.string in ")]}")
            elif token.type in {tokenize.INDENT, tokenize.DEDENT}:
                indents += 1 if token.type == tokenize.INDENT else -1
            if brackets > MAX_BRACKETS or indents > MAX_INDENTS or dots > MAX_DOTS:
                report("SOURCE004", token.start[0], token.start[1] + 1, "nested too deeply; write it flatter")
                return False
    except (tokenize.TokenError, SyntaxError) as error:
        line, column = error.args[1][:2] if isinstance(error, tokenize.TokenError) else (error.lineno, error.offset)
        report("SYNTAX001", line or 1, column or 1, f"not valid Python: {quoted(str(error.args[0]))}")
        return False
    except (ValueError, RecursionError, MemoryError, OverflowError):
        report("SOURCE004", 1, 1, "the module cannot be read token by token; write it more simply")
        return False
    return True


def _structurally_bounded(tree: ast.Module, report: Report) -> bool:
    """Bounds depth and size of the tree, without recursion."""
    nodes = 0
    pending: list[tuple[ast.AST, int]] = [(tree, 0)]
    while pending:
        node, depth = pending.pop()
        nodes += 1
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            what = "nested too deeply" if depth > MAX_DEPTH else f"more than {MAX_NODES} syntax nodes"
            line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
            report("SOURCE004", line, column, f"{what}; write it more simply")
            return False
        pending.extend((child, depth + 1) for child in ast.iter_child_nodes(node))
    return True
