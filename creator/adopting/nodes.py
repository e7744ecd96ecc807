"""Pieces of concrete syntax that the rewrite reads and makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import libcst as cst

DEFAULT_TEMPERATURE: Final = "0.7"


def dotted_name(node: cst.CSTNode) -> str | None:
    """``a.b.c`` as text; None for anything else than names and attributes of names."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    return ".".join(reversed([*parts, node.value])) if isinstance(node, cst.Name) else None


def in_brackets(node: cst.BaseExpression) -> cst.BaseExpression:
    """What is awaited needs brackets before a dot, a call or an index."""
    if not isinstance(node, cst.Await) or node.lpar:
        return node
    return node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def content_only(arguments: Sequence[cst.Arg]) -> list[cst.Arg] | None:
    """The arguments of a message of the course as those of a ``kit.Text``; None when they are others."""
    if len(arguments) != 1 or arguments[0].star:
        return None
    keyword = arguments[0].keyword
    if keyword is None:
        bare = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
        return [arguments[0].with_changes(keyword=cst.Name("content"), equal=bare)]
    return list(arguments) if keyword.value == "content" else None


def temperature_of(arguments: Sequence[cst.Arg]) -> tuple[bool, str | None]:
    """Whether a model client was given a temperature, and that temperature when it is a literal from 0 to 2."""
    given = [one.value for one in arguments if one.keyword is not None and one.keyword.value == "temperature"]
    for value in given:
        if isinstance(value, cst.Integer | cst.Float) and 0 <= value.evaluated_value <= 2:
            return True, value.value
    return bool(given), None


def import_from(module: str, name: str) -> cst.SimpleStatementLine:
    """``from module import name``."""
    statement = cst.parse_statement(f"from {module} import {name}")
    assert isinstance(statement, cst.SimpleStatementLine)
    return statement


def statements_of(suite: cst.BaseSuite) -> list[cst.BaseStatement]:
    """A copy of the statements of a block, whether they have lines of their own or not."""
    copy = suite.deep_clone()
    if isinstance(copy, cst.SimpleStatementSuite):
        return [cst.SimpleStatementLine(copy.body)]
    assert isinstance(copy, cst.IndentedBlock)
    return list(copy.body)


def tried(
    statements: Sequence[cst.BaseStatement], kept: dict[str, str], otherwise: Sequence[cst.BaseStatement]
) -> list[cst.BaseStatement]:
    """Statements that ask a colleague, in a ``try``.

    Args:
        statements: At least one.
        kept: Variables that they change too early, and the names under which their values are kept.
        otherwise: What is done instead when nobody answers.
    """
    body = [statements[0].with_changes(leading_lines=()), *statements[1:]]
    back = [cst.parse_statement(f"{name} = {copy}") for name, copy in kept.items()]
    result: list[cst.BaseStatement] = [cst.parse_statement(f"{copy} = {name}") for name, copy in kept.items()]
    result.append(cst.Try(cst.IndentedBlock(body), [_when_nobody_answers([*back, *otherwise])]))
    result[0] = result[0].with_changes(leading_lines=getattr(statements[0], "leading_lines", ()))
    return result


def with_otherwise(node: cst.Try, otherwise: Sequence[cst.BaseStatement]) -> cst.Try:
    """The ``try`` of `tried`, with more to do when nobody answers."""
    before = statements_of(node.handlers[0].body)
    back = [
        one for one in before if not (isinstance(one, cst.SimpleStatementLine) and isinstance(one.body[0], cst.Pass))
    ]
    return node.with_changes(handlers=[_when_nobody_answers([*back, *otherwise])])


def _when_nobody_answers(statements: list[cst.BaseStatement]) -> cst.ExceptHandler:
    code = "try:\n    pass\nexcept kit.MessagingError:  # nobody answered: the agent's own idea stays\n    pass\n"
    handler = cst.ensure_type(cst.ensure_type(cst.parse_statement(code), cst.Try).handlers[0], cst.ExceptHandler)
    return handler.with_changes(body=handler.body.with_changes(body=statements or handler.body.body))
