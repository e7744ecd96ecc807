"""Which expressions give a type or a value without running any code of the module."""

from __future__ import annotations

import ast
from typing import Final

from creator.policy.allowed import IMPORT_TIME_CALLS
from creator.policy.scope import Scope

_ARITHMETIC: Final = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Pow, ast.LShift)
"""What plain numbers and texts may be combined with; LITERAL001 bounds what they come to."""
_SIGNS: Final = (ast.USub, ast.UAdd)


def is_type(node: ast.AST, scope: Scope) -> bool:
    """Whether this is a type expression that looks up nothing but types, imported or the module's own.

    A name that stands for a text is none: typing would evaluate the text.
    """
    if isinstance(node, ast.Name):
        return scope.resolve(node) is not None or node.id in scope.types
    if isinstance(node, ast.Attribute):
        return scope.resolve(node) is not None
    if isinstance(node, ast.Constant):
        return node.value is None or node.value is Ellipsis
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.BitOr) and is_type(node.left, scope) and is_type(node.right, scope)
    if isinstance(node, ast.Tuple | ast.List):
        return all(is_type(one, scope) for one in node.elts)
    if isinstance(node, ast.Subscript) and is_type(node.value, scope):
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        match scope.resolve(node.value):
            case "typing.Literal":
                return all(_is_plain(one) for one in items)
            case "typing.Annotated":
                return is_type(items[0], scope) and all(is_constant(one, scope) for one in items[1:])
            case _:
                return all(is_type(one, scope) for one in items)
    return False


def is_constant(node: ast.AST, scope: Scope) -> bool:
    """Whether this gives a value without running any code of the module."""
    if isinstance(node, ast.Name) or _is_plain(node):
        return True
    if isinstance(node, ast.BinOp):
        return _is_arithmetic(node) or is_type(node, scope)
    if isinstance(node, ast.Attribute):  # of an object a property would run, of a module or a class none does
        of_class = isinstance(node.value, ast.Name) and node.value.id in scope.classes
        return of_class or scope.resolve(node) is not None or scope.resolve(node.value) is not None
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return all(is_constant(one, scope) for one in node.elts)
    if isinstance(node, ast.Dict):
        return all(one is not None and is_constant(one, scope) for one in [*node.keys, *node.values])
    if isinstance(node, ast.Lambda):
        return not node.args.defaults and not any(node.args.kw_defaults)
    if isinstance(node, ast.Call):
        return _is_constant_call(node, scope)
    return isinstance(node, ast.Subscript) and is_type(node, scope)


def is_callback(keyword: ast.keyword) -> bool:
    """Whether pydantic calls this option's value while it makes a class, such as ``alias_generator``."""
    return keyword.arg is not None and keyword.arg.endswith("_generator")


def _is_constant_call(node: ast.Call, scope: Scope) -> bool:
    function = scope.resolve(node.func)
    if function not in IMPORT_TIME_CALLS or (function == "pydantic.ConfigDict" and node.args):
        return False
    if any(one.arg is None or is_callback(one) for one in node.keywords):
        return False
    return all(is_constant(one, scope) for one in [*node.args, *(one.value for one in node.keywords)])


def _is_plain(node: ast.AST) -> bool:
    """A literal, perhaps with a sign."""
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, _SIGNS) and isinstance(node.operand, ast.Constant)
    return isinstance(node, ast.Constant)


def _is_arithmetic(node: ast.AST) -> bool:
    """Plain numbers and texts, perhaps combined: ``60 * 60``, ``"a" + "b"``."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, _ARITHMETIC) and _is_arithmetic(node.left) and _is_arithmetic(node.right)
    return _is_plain(node)
