"""The last touches of an adopted module: no needless imports, and a word on its origin."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Final

import libcst as cst

from creator.adopting.names import read_names

_WORD: Final = re.compile(r"[^\W\d]\w*")


def tidied(source: str, origin: str) -> tuple[str, set[str]]:
    """A module without the imports that nothing uses, and with a line on its origin in front.

    Args:
        source: The module.
        origin: The line for its docstring; plain ASCII without quotes and backslashes.

    Returns:
        The module, and the local names whose imports are gone.

    Raises:
        SyntaxError: It is no Python.
    """
    needless = _Needless(set(_used(ast.parse(source))))
    module = cst.parse_module(source).visit(needless)
    return _with_origin(module, origin).code, needless.removed


def _used(tree: ast.Module) -> Iterator[str]:
    """The names that a module reads, those in annotations in quotes as well."""
    yield from read_names(tree)
    for node in ast.walk(tree):
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            for one in ast.walk(annotation) if isinstance(annotation, ast.AST) else ():
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    yield from _WORD.findall(one.value)


class _Needless(cst.CSTTransformer):
    """Removes the imports of names that are not used."""

    def __init__(self, used: set[str]) -> None:
        super().__init__()
        self._used = used
        self.removed: set[str] = set()
        self._gap = False  # whether a blank line before what was removed is missing now

    def leave_Import(self, original_node: cst.Import, updated_node: cst.Import) -> cst.Import | cst.RemovalSentinel:
        names = self._left(updated_node.names)
        return updated_node.with_changes(names=names) if names else cst.RemoveFromParent()

    def leave_ImportFrom(
        self, original_node: cst.ImportFrom, updated_node: cst.ImportFrom
    ) -> cst.ImportFrom | cst.RemovalSentinel:
        is_future = isinstance(updated_node.module, cst.Name) and updated_node.module.value == "__future__"
        if is_future or isinstance(updated_node.names, cst.ImportStar):
            return updated_node
        names = self._left(updated_node.names)
        if names and not updated_node.lpar:
            names[-1] = names[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        return updated_node.with_changes(names=names) if names else cst.RemoveFromParent()

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        return updated_node.with_changes(body=updated_node.body or [cst.parse_statement("pass")])

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.RemovalSentinel:
        leading = updated_node.leading_lines
        if not updated_node.body:
            self._gap |= bool(leading)
            return cst.RemoveFromParent()
        gap, self._gap = self._gap and not leading, False
        return updated_node.with_changes(leading_lines=[cst.EmptyLine(indent=False)] if gap else leading)

    def _left(self, aliases: Sequence[cst.ImportAlias]) -> list[cst.ImportAlias]:
        left: list[cst.ImportAlias] = []
        for alias in aliases:
            local = alias.evaluated_alias or alias.evaluated_name.partition(".")[0]
            if local in self._used:
                left.append(alias)
            else:
                self.removed.add(local)
        return left


def _with_origin(module: cst.Module, origin: str) -> cst.Module:
    """The origin becomes the docstring, or the first line of the one that is there."""
    first, *rest = module.body
    if module.get_docstring() is None:
        docstring = cst.ensure_type(cst.parse_statement(f'"""{origin}"""'), cst.SimpleStatementLine)
        leading: Sequence[cst.EmptyLine] = getattr(first, "leading_lines", ())
        if not leading or leading[0].comment is not None:
            first = first.with_changes(leading_lines=[cst.EmptyLine(indent=False), *leading])
        return module.with_changes(body=[docstring, first, *rest])
    text = cst.ensure_type(cst.ensure_type(first, cst.SimpleStatementLine).body[0], cst.Expr).value
    while isinstance(text, cst.ConcatenatedString):
        text = text.left
    text = cst.ensure_type(text, cst.SimpleString)
    gap = module.default_newline * 2 if len(text.quote) == 3 else " "
    opening = text.prefix + text.quote
    longer = text.with_changes(value=f"{opening}{origin}{gap}{text.value[len(opening) :]}")
    return cst.ensure_type(module.deep_replace(text, longer), cst.Module)
