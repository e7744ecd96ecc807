"""Rules about what runs when a module is imported, and about annotations, which do so too."""

from __future__ import annotations

import ast
from typing import Final

from creator.policy.allowed import DECORATORS, IMPORT_TIME_CALLS
from creator.policy.imports import Refuse
from creator.policy.scope import Function, Scope

_NUMERIC: Final = (ast.Add, ast.Sub, ast.Mult, ast.Div)
_NOT_CONSTANT: Final = "what runs at import time has to be constant; move this into a method"
_MAX_FACTOR: Final = 10**9


def check_toplevel(tree: ast.Module, scope: Scope, refuse: Refuse) -> None:
    """TOP001 and TOP002, for the module and for every class that is defined while it is imported."""
    bodies: list[list[ast.stmt]] = [tree.body]
    while bodies:
        for statement in bodies.pop():
            if isinstance(statement, ast.ClassDef):
                _check_class(statement, scope, refuse)
                bodies.append(statement.body)
            else:
                _check_statement(statement, scope, refuse)


def check_annotations(tree: ast.Module, scope: Scope, refuse: Refuse) -> None:
    """TYPE001. A text in an annotation is code: typing, pydantic and AutoGen evaluate it."""
    for node in ast.walk(tree):
        if getattr(node, "type_params", None):
            refuse(node, "TYPE001", "type parameters are not allowed; Python 3.11 has to read this module")
        annotations = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        for annotation in annotations:
            if annotation is not None and not is_type(annotation, scope):
                refuse(
                    annotation,
                    "TYPE001",
                    "annotate with a plain type expression, without quotes and without calls",
                )


def is_type(node: ast.AST, scope: Scope) -> bool:
    """Whether this is a type expression in which nothing but names is looked up."""
    if isinstance(node, ast.Name):
        return True
    if isinstance(node, ast.Constant):
        return node.value is None or node.value is Ellipsis
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name)
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.BitOr) and is_type(node.left, scope) and is_type(node.right, scope)
    if isinstance(node, ast.Tuple | ast.List):
        return all(is_type(one, scope) for one in node.elts)
    if isinstance(node, ast.Subscript) and is_type(node.value, scope):
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        match scope.resolve(node.value):
            case "typing.Literal":
                return all(isinstance(one, ast.Constant) or _is_number(one) for one in items)
            case "typing.Annotated":
                return is_type(items[0], scope) and all(is_constant(one, scope) for one in items[1:])
            case _:
                return all(is_type(one, scope) for one in items)
    return False


def is_constant(node: ast.AST, scope: Scope) -> bool:
    """Whether this gives a value without running any code of the module."""
    if isinstance(node, ast.Constant | ast.Name) or _is_number(node) or _is_text(node):
        return True
    if isinstance(node, ast.Attribute):
        return is_constant(node.value, scope) and not isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return all(is_constant(one, scope) for one in node.elts)
    if isinstance(node, ast.Dict):
        return all(one is not None and is_constant(one, scope) for one in [*node.keys, *node.values])
    if isinstance(node, ast.Lambda):
        return not node.args.defaults and not any(node.args.kw_defaults)
    if isinstance(node, ast.Call):
        return (
            scope.resolve(node.func) in IMPORT_TIME_CALLS
            and all(is_constant(one, scope) for one in node.args)
            and all(one.arg is not None and is_constant(one.value, scope) for one in node.keywords)
        )
    return isinstance(node, ast.Subscript | ast.BinOp) and is_type(node, scope)


def _is_number(node: ast.AST) -> bool:
    """A number, perhaps written as a product: ``60 * 60``."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float) and abs(node.value) <= _MAX_FACTOR
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub | ast.UAdd) and isinstance(node.operand, ast.Constant)
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, _NUMERIC)
        and _is_number(node.left)
        and _is_number(node.right)
    )


def _is_text(node: ast.AST) -> bool:
    """A text, perhaps written as a sum."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _is_text(node.left) and _is_text(node.right)
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _check_statement(node: ast.stmt, scope: Scope, refuse: Refuse) -> None:
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Pass):
        return
    if isinstance(node, Function):
        defaults = [*node.args.defaults, *(one for one in node.args.kw_defaults if one is not None)]
        for default in defaults:
            if not is_constant(default, scope):
                refuse(default, "TOP002", _NOT_CONSTANT)
        _check_decorators(node, scope, refuse)
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


def _check_class(node: ast.ClassDef, scope: Scope, refuse: Refuse) -> None:
    for base in node.bases:
        if not is_type(base, scope):
            refuse(base, "TOP002", "a base class has to be named, not computed")
    for keyword in node.keywords:
        if keyword.arg in {None, "metaclass"} or not is_constant(keyword.value, scope):
            refuse(keyword.value, "TOP002", "metaclasses and computed class options are not allowed")
    if any((scope.resolve(base) or "").startswith("enum.") for base in node.bases):
        methods = (one for one in node.body if isinstance(one, Function) and one.name.startswith("_"))
        for method in methods:
            if method.name not in {"__str__", "__repr__"}:
                refuse(method, "TOP002", "an enumeration calls this at import time; use a plain method")
    _check_decorators(node, scope, refuse)


def _check_decorators(node: Function | ast.ClassDef, scope: Scope, refuse: Refuse) -> None:
    for decorator in node.decorator_list:
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        if scope.resolve(function) not in DECORATORS and not _is_setter(decorator, node.name):
            refuse(decorator, "TOP002", f"this decorator is not allowed; allowed are {', '.join(_decorator_names())}")
        elif isinstance(decorator, ast.Call):
            values = [*decorator.args, *(one.value for one in decorator.keywords)]
            for value in values:
                if not is_constant(value, scope):
                    refuse(value, "TOP002", _NOT_CONSTANT)


def _is_setter(decorator: ast.expr, name: str) -> bool:
    """Whether this is the ``@value.setter`` above a ``def value``."""
    return (
        isinstance(decorator, ast.Attribute)
        and decorator.attr == "setter"
        and isinstance(decorator.value, ast.Name)
        and decorator.value.id == name
    )


def _decorator_names() -> list[str]:
    return sorted(name.rpartition(".")[2] for name in DECORATORS)
