"""The check of a whole module: collects the findings of all rules."""

from __future__ import annotations

import ast
import warnings
from typing import Final

from creator.policy.annotations import check_annotations, find_aliases
from creator.policy.contract import check_contract
from creator.policy.expressions import check_node
from creator.policy.findings import Finding, quoted
from creator.policy.flow import check_flow
from creator.policy.imports import check_imports
from creator.policy.scope import Scope
from creator.policy.sizes import check_sizes
from creator.policy.source import parse
from creator.policy.toplevel import check_toplevel

MAX_FINDINGS: Final = 100


def check_module(source: str | bytes, filename: str) -> list[Finding]:
    """Checks a generated module; nothing of it is run.

    Args:
        source: The module, as text or as the bytes of its file.
        filename: How findings name it.

    Returns:
        What the policy refuses, sorted by line and column, at most `MAX_FINDINGS`; empty when the module passes.
        Never raises, whatever the source is.
    """
    found: list[tuple[int, int, str, str]] = []

    def report(rule: str, line: int, column: int, message: str) -> None:
        found.append((line, column, rule, message))

    try:
        tree = parse(source, report)
        if tree is not None:
            return _check_tree(tree, source, filename)
    except (RecursionError, MemoryError):  # a gate that cannot judge refuses
        report("SOURCE004", 1, 1, "the module is too complex to be checked; write it more simply")
    return [Finding(line, column, rule, message, filename) for line, column, rule, message in found]


def _check_tree(tree: ast.Module, source: str | bytes, filename: str) -> list[Finding]:
    found: set[tuple[int, int, str, str]] = set()

    def refuse(node: ast.AST, rule: str, message: str) -> None:
        found.add((getattr(node, "lineno", 1), getattr(node, "col_offset", 0), rule, message))

    scope = Scope.of(tree)
    find_aliases(tree, scope)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    check_imports(tree, scope, parents, refuse)
    check_toplevel(tree, scope, refuse)
    check_annotations(tree, scope, refuse)
    check_contract(tree, scope, refuse)
    check_sizes(tree, refuse)
    for node in ast.walk(tree):
        check_node(node, scope, parents, refuse)
        check_flow(node, refuse)
    if not found:
        _compile(tree, refuse)
    text = source.decode("utf-8") if isinstance(source, bytes) else source
    lines = text.replace("\r\n", "\n").split("\n")
    return [
        Finding(line, _column(lines, line, offset), rule, message, filename)
        for line, offset, rule, message in sorted(found)[:MAX_FINDINGS]
    ]


def _compile(tree: ast.Module, refuse: object) -> None:
    """Finds what the parser lets through, such as a ``return`` outside of a function."""
    assert callable(refuse)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(tree, "<module>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        where = ast.Pass(lineno=getattr(error, "lineno", 1) or 1, col_offset=(getattr(error, "offset", 1) or 1) - 1)
        refuse(where, "SYNTAX001", f"not valid Python: {quoted(str(error.args[0]))}")


def _column(lines: list[str], line: int, offset: int) -> int:
    """Python counts columns in bytes, from 0; people count characters, from 1."""
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    return len(text.encode("utf-8")[:offset].decode("utf-8", "ignore")) + 1
