"""Rules about classes: making one runs code of its bases, of enum and of pydantic, and may run the module's own."""

from __future__ import annotations

import ast
from collections.abc import Set as AbstractSet
from typing import Final

from creator.policy.imports import Refuse
from creator.policy.scope import Function, Scope, defined
from creator.policy.values import is_callback, is_constant, is_type

_ENUM_VALUES: Final = frozenset({"builtins.float", "builtins.int", "builtins.str"})
_PLAIN_ENUM_METHODS: Final = frozenset({"__str__", "__repr__"})


def find_enumerations(tree: ast.Module, scope: Scope) -> frozenset[str]:
    """The names of a module's own enumerations.

    In the order of the text: a class is defined before what derives from it.
    """
    found: set[str] = set()
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    for node in sorted(classes, key=lambda one: (one.lineno, one.col_offset)):
        if any(_is_enum(base, scope, found) for base in node.bases):
            found.add(node.name)
    return frozenset(found)


def check_class(node: ast.ClassDef, scope: Scope, enumerations: AbstractSet[str], refuse: Refuse) -> None:
    """TOP002, for bases, options and what enum and pydantic call while they make a class."""
    for base in node.bases:
        named = not isinstance(base, ast.Name) or scope.resolve(base) or base.id in scope.classes
        if not (named and is_type(base, scope)):
            refuse(base, "TOP002", "a base class has to be named, not computed")
    for keyword in node.keywords:
        if keyword.arg in {None, "metaclass"} or is_callback(keyword) or not is_constant(keyword.value, scope):
            refuse(keyword.value, "TOP002", "metaclasses and computed class options are not allowed")
    if node.name in enumerations:
        _check_enumeration(node, scope, enumerations, refuse)
    for statement in node.body:
        names = set(defined(statement))
        if "Config" in names or ("model_config" in names and not _is_config(statement, scope)):
            refuse(statement, "TOP002", "configure a pydantic class with model_config = ConfigDict(...) only")


def _check_enumeration(node: ast.ClassDef, scope: Scope, enumerations: AbstractSet[str], refuse: Refuse) -> None:
    for base in node.bases:
        if scope.resolve(base) not in _ENUM_VALUES and not _is_enum(base, scope, enumerations):
            refuse(base, "TOP002", "an enumeration calls its bases at import time; use Enum, with str, int or float")
    for statement in node.body:
        for name in defined(statement):
            method = isinstance(statement, Function) and name in _PLAIN_ENUM_METHODS
            if name.startswith("_") and not method:
                refuse(statement, "TOP002", "an enumeration calls this at import time; use a plain method")


def _is_enum(base: ast.expr, scope: Scope, own: AbstractSet[str]) -> bool:
    return (scope.resolve(base) or "").startswith("enum.") or (isinstance(base, ast.Name) and base.id in own)


def _is_config(statement: ast.stmt, scope: Scope) -> bool:
    value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
    return isinstance(value, ast.Call) and scope.resolve(value.func) == "pydantic.ConfigDict"
