"""Rules about what runs when a module is imported."""

from __future__ import annotations

import ast
from collections.abc import Set as AbstractSet
from typing import Final

from creator.policy.allowed import DECORATORS
from creator.policy.classes import check_class, find_enumerations
from creator.policy.imports import Refuse
from creator.policy.scope import Function, Scope, defined
from creator.policy.values import is_constant

_NOT_CONSTANT: Final = "what runs at import time has to be constant; move this into a method"


def check_toplevel(tree: ast.Module, scope: Scope, refuse: Refuse) -> None:
    """TOP001 to TOP003, for the module and for every class that is defined while it is imported."""
    enumerations = find_enumerations(tree, scope)
    defined_on_import: set[ast.AST] = set()
    bodies: list[list[ast.stmt]] = [tree.body]
    while bodies:
        body = bodies.pop()
        properties = _properties(body, scope)
        for statement in body:
            if isinstance(statement, ast.ClassDef):
                defined_on_import.add(statement)
                check_class(statement, scope, enumerations, refuse)
                _check_decorators(statement, properties, scope, refuse)
                bodies.append(statement.body)
            else:
                _check_statement(statement, properties, scope, refuse)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node not in defined_on_import:
            refuse(node, "TOP003", "define this class at the top level")


def _check_statement(node: ast.stmt, properties: AbstractSet[str], scope: Scope, refuse: Refuse) -> None:
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Pass):
        return
    if isinstance(node, Function):
        defaults = [*node.args.defaults, *(one for one in node.args.kw_defaults if one is not None)]
        for default in defaults:
            if not is_constant(default, scope):
                refuse(default, "TOP002", _NOT_CONSTANT)
        _check_decorators(node, properties, scope, refuse)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            if not isinstance(target, ast.Name):
                refuse(target, "TOP001", "assign to a plain name at import time")
        if node.value is not None and not is_constant(node.value, scope):
            refuse(node.value, "TOP002", _NOT_CONSTANT)
    else:
        refuse(node, "TOP001", "only imports, definitions and constant assignments are allowed here")


def _check_decorators(
    node: Function | ast.ClassDef, properties: AbstractSet[str], scope: Scope, refuse: Refuse
) -> None:
    for decorator in node.decorator_list:
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        if scope.resolve(function) not in DECORATORS and not _is_setter(decorator, node.name, properties):
            refuse(decorator, "TOP002", f"this decorator is not allowed; allowed are {', '.join(_decorator_names())}")
        elif scope.resolve(function) == "builtins.property" and len(node.decorator_list) > 1:
            refuse(decorator, "TOP002", "property stands alone: a property of the class would run at import time")
        elif isinstance(decorator, ast.Call):
            values = [*decorator.args, *(one.value for one in decorator.keywords)]
            for value in values:
                if not is_constant(value, scope):
                    refuse(value, "TOP002", _NOT_CONSTANT)


def _properties(body: list[ast.stmt], scope: Scope) -> frozenset[str]:
    """The names that a body first defines with ``@property``, and then with functions only."""
    found: dict[str, bool] = {}
    for statement in body:
        is_function = isinstance(statement, Function)
        for name in defined(statement):
            if name in found:
                found[name] = found[name] and is_function
            else:
                decorators = statement.decorator_list if isinstance(statement, Function) else []
                found[name] = [scope.resolve(one) for one in decorators] == ["builtins.property"]
    return frozenset(name for name, is_property in found.items() if is_property)


def _is_setter(decorator: ast.expr, name: str, properties: AbstractSet[str]) -> bool:
    """Whether this is the ``@value.setter`` above a ``def value``, with ``value`` a property of the same body."""
    return (
        isinstance(decorator, ast.Attribute)
        and decorator.attr == "setter"
        and isinstance(decorator.value, ast.Name)
        and decorator.value.id == name
        and name in properties
    )


def _decorator_names() -> list[str]:
    return sorted(name.rpartition(".")[2] for name in DECORATORS)
