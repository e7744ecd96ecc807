"""Bounds on a foreign module, before libcst sees it.

libcst's parser recurses where Python's does not, and takes exponential time where Python's does not: a long chain of
``and`` would end the process, a few nested patterns of a ``match`` statement would keep it busy for ever.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from typing import Final

from creator.errors import UsageError
from creator.policy.source import parse

MAX_LINES: Final = 2_000
MAX_DEPTH: Final = 120
MAX_DOTS: Final = 20
MAX_TEXTS: Final = 100
"""Most text literals that may stand in a row."""


def parsed(source: str, filename: str) -> ast.Module:
    """The module's syntax tree.

    Args:
        source: The module.
        filename: How a refusal names it; a plain text of one line.

    Raises:
        UsageError: It is no Python, too large, or too complex to be rewritten.
    """
    problems: list[tuple[int, str]] = []
    tree = parse(source, lambda rule, line, column, message: problems.append((line, message)))
    if source.count("\n") > MAX_LINES:
        problems.append((MAX_LINES + 1, f"the module has more than {MAX_LINES} lines; write less"))
    if tree is not None and not problems:
        problems.extend((*_too_many_texts(source), *_too_complex(tree)))
    if tree is None or problems:
        line, message = problems[0]
        raise UsageError(f"{filename!r} cannot be adopted: line {line}: {message}")
    return tree


def _too_many_texts(source: str) -> Iterator[tuple[int, str]]:
    """Text literals in a row are one text for Python, but nested for libcst."""
    in_row = open_texts = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = tokenize.tok_name[token.type]
        starts, ends = kind.endswith("STRING_START"), kind.endswith("STRING_END")  # f-strings since Python 3.12
        open_texts += starts - ends
        if not open_texts and not ends and kind not in {"NL", "COMMENT"}:
            in_row = in_row + 1 if kind == "STRING" else 0
        elif starts and open_texts == 1:
            in_row += 1
        if in_row > MAX_TEXTS:
            yield token.start[0], f"more than {MAX_TEXTS} text literals in a row; write one text of several lines"
            return


def _too_complex(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """What of a module libcst may not see: line and sentence."""
    pending: list[tuple[ast.AST, int]] = [(tree, 0)]
    while pending:
        node, depth = pending.pop()
        depth += len(node.values) if isinstance(node, ast.BoolOp) else 1
        problem = _problem(node) or ("nested too deeply; write it more simply" if depth > MAX_DEPTH else None)
        if problem:
            yield getattr(node, "lineno", 1), problem
            return
        pending.extend((child, depth) for child in ast.iter_child_nodes(node))


def _problem(node: ast.AST) -> str | None:
    """Why libcst may not see a piece of syntax; None when it may."""
    if isinstance(node, ast.Match):
        return "write this match statement with if and elif"
    if isinstance(node, ast.Delete) and any(isinstance(one, ast.Tuple | ast.List) for one in node.targets):
        return "write this del statement without brackets around its targets"
    names: list[str] = []
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
    return "the name of this module has too many dots" if any(one.count(".") > MAX_DOTS for one in names) else None
