"""The rule about annotations. A text in one is code: typing, pydantic and AutoGen evaluate it."""

from __future__ import annotations

import ast
from typing import Final

from creator.policy.imports import Refuse
from creator.policy.scope import Scope
from creator.policy.values import is_type

_ALIASED: Final = (ast.Name, ast.Attribute, ast.Subscript, ast.BinOp)


def find_aliases(tree: ast.Module, scope: Scope) -> None:
    """Adds to the scope's types what the module calls by a name of its own, such as ``Notes = list[str]``."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target: ast.expr = statement.targets[0]
        elif isinstance(statement, ast.AnnAssign):
            target = statement.target
        else:
            continue
        once = isinstance(target, ast.Name) and scope.bound[target.id] == 1
        if once and isinstance(statement.value, _ALIASED) and is_type(statement.value, scope):
            assert isinstance(target, ast.Name)
            scope.types.add(target.id)


def check_annotations(tree: ast.Module, scope: Scope, refuse: Refuse) -> None:
    """TYPE001."""
    for node in ast.walk(tree):
        if getattr(node, "type_params", None):
            refuse(node, "TYPE001", "type parameters are not allowed; Python 3.11 has to read this module")
        annotations = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        for annotation in annotations:
            if annotation is not None and not is_type(annotation, scope):
                refuse(
                    annotation,
                    "TYPE001",
                    "annotate with a type that is imported or defined at the top level, without quotes and calls",
                )
