"""The rule about what may be used in one form only, because in another it makes types or evaluates texts."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Final

from creator.policy.imports import Refuse
from creator.policy.scope import Function, Scope
from creator.policy.values import is_type

Parents = Mapping[ast.AST, ast.AST]
_Test = Callable[[ast.AST, Parents, Scope], bool]


def check_form(node: ast.Name | ast.Attribute, scope: Scope, parents: Parents, refuse: Refuse) -> None:
    """CALL002."""
    own_name = f"builtins.{node.id}" if isinstance(node, ast.Name) else ""
    form, is_right = _FORMS.get(scope.resolve(node) or own_name, (None, None))
    if is_right is not None and not is_right(node, parents, scope):
        refuse(node, "CALL002", f"use {form} only")


def _called_with(node: ast.AST, parents: Parents, count: int) -> ast.Call | None:
    """The call of this name with so many plain arguments, and nothing else."""
    call = parents[node]
    if not (isinstance(call, ast.Call) and call.func is node) or call.keywords:
        return None
    plain = len(call.args) == count and not any(isinstance(one, ast.Starred) for one in call.args)
    return call if plain else None


def _is_super(node: ast.AST, parents: Parents, scope: Scope) -> bool:
    return _called_with(node, parents, 0) is not None


def _is_iter(node: ast.AST, parents: Parents, scope: Scope) -> bool:
    return _called_with(node, parents, 1) is not None


def _is_look_at_type(node: ast.AST, parents: Parents, scope: Scope) -> bool:
    """The type of a class makes classes of any content when it is called, so ``type(x)`` goes nowhere."""
    call = _called_with(node, parents, 1)
    if call is None:
        return isinstance(parents[node], ast.Subscript) and _in_annotation(node, parents)
    around = parents[call]
    if isinstance(around, ast.Compare):
        return all(isinstance(one, ast.Is | ast.IsNot) for one in around.ops)
    return isinstance(around, ast.Attribute | ast.FormattedValue)


def _is_base(node: ast.AST, parents: Parents, scope: Scope) -> bool:
    around = parents[node]
    return isinstance(around, ast.ClassDef) and node in around.bases


def _is_typed_message(node: ast.AST, parents: Parents, scope: Scope) -> bool:
    around = parents[node]
    if isinstance(around, ast.Subscript) and around.value is node:
        return is_type(around.slice, scope)
    return _is_asked_for(node, parents, scope)


def _is_delegate(node: ast.AST, parents: Parents, scope: Scope) -> bool:
    call = parents[node]
    if not (isinstance(call, ast.Call) and call.func is node):
        return _is_asked_for(node, parents, scope)
    options = {one.arg: one.value for one in call.keywords}
    content_type = options.get("output_content_type")
    return None not in options and (content_type is None or is_type(content_type, scope))


def _is_asked_for(node: ast.AST, parents: Parents, scope: Scope) -> bool:
    """Whether a type stands in an annotation, in ``isinstance`` or in a pattern."""
    around = parents[node]
    if isinstance(around, ast.Tuple):
        node, around = around, parents[around]
    if isinstance(around, ast.Call):
        return scope.resolve(around.func) == "builtins.isinstance" and node is not around.func
    return isinstance(around, ast.MatchClass) or _in_annotation(node, parents)


def _in_annotation(node: ast.AST, parents: Parents) -> bool:
    around = parents[node]
    while isinstance(around, ast.expr):
        node, around = around, parents[around]
    if isinstance(around, ast.arg):
        return True
    if isinstance(around, Function):
        return around.returns is node
    return isinstance(around, ast.AnnAssign) and around.annotation is node


_FORMS: Final[dict[str, tuple[str, _Test]]] = {
    "builtins.super": ("super()", _is_super),
    "builtins.iter": ("iter(x)", _is_iter),
    "builtins.type": ("type(x).__name__, type(x) is y and f'{type(x)}'", _is_look_at_type),
    "typing.NamedTuple": ("NamedTuple as the base of a class", _is_base),
    "typing.TypedDict": ("TypedDict as the base of a class", _is_base),
    "autogen_agentchat.messages.StructuredMessage": (
        "StructuredMessage[AClass], isinstance(x, StructuredMessage) and annotations",
        _is_typed_message,
    ),
    "autogen_agentchat.agents.AssistantAgent": (
        "AssistantAgent(...) without **, with a class as output_content_type, and annotations",
        _is_delegate,
    ),
}
"""By full name: how it may be used, for the message, and what says whether it is.

TypedDict and StructuredMessage take texts for types and evaluate them, or let dataclass do so;
AssistantAgent hands its ``output_content_type`` to StructuredMessage.
"""
