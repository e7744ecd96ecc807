"""Rules about loops and exceptions that would keep a cell from being shared or stopped."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from creator.policy.imports import Refuse
from creator.policy.scope import Function

_COMPARISONS: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq,
    ast.Is: operator.eq,
    ast.NotEq: operator.ne,
    ast.IsNot: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def check_flow(node: ast.AST, refuse: Refuse) -> None:
    """FLOW001, and FLOW002 for what names no exception; names that do stand in the rules about names."""
    if isinstance(node, ast.While) and _truth(node.test) and not _awaits([node.test, *node.body]):
        refuse(node, "FLOW001", "an endless loop has to await something, or it stops every other agent")
    elif isinstance(node, ast.ExceptHandler) and node.type is None:
        refuse(node, "FLOW002", "name the exceptions: a bare except hides that the agent is being stopped")


def _truth(node: ast.expr) -> bool | None:
    """Whether an expression is always true (True) or always false (False); None when neither can be told."""
    match node:
        case ast.Constant():
            return bool(node.value)
        case ast.Lambda() | ast.GeneratorExp():
            return True
        case ast.NamedExpr():
            return _truth(node.value)
        case ast.UnaryOp(op=ast.Not()):
            truth = _truth(node.operand)
            return None if truth is None else not truth
        case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
            return _truth(node.operand)
        case ast.BoolOp():
            decisive = isinstance(node.op, ast.Or)  # one true value makes "or" true, one false value "and" false
            truths = [_truth(one) for one in node.values]
            return decisive if decisive in truths else None if None in truths else not decisive
        case ast.IfExp():
            test, body, orelse = _truth(node.test), _truth(node.body), _truth(node.orelse)
            return (body if body == orelse else None) if test is None else body if test else orelse
        case ast.Compare(left=ast.Constant() as left, ops=[how], comparators=[ast.Constant() as right]):
            return _compared(left.value, how, right.value)
        case ast.Dict():
            return bool(node.keys) and (True if any(node.keys) else None)
        case ast.List() | ast.Tuple() | ast.Set():
            is_filled = any(not isinstance(one, ast.Starred) for one in node.elts)
            return bool(node.elts) and (True if is_filled else None)
        case ast.JoinedStr():
            return True if any(isinstance(one, ast.Constant) and one.value for one in node.values) else None
    return None


def _compared(left: object, how: ast.cmpop, right: object) -> bool | None:
    compare = _COMPARISONS.get(type(how))
    try:
        return bool(compare(left, right)) if compare else None
    except TypeError:
        return None


def _awaits(nodes: list[ast.AST]) -> bool:
    """Whether these await themselves; what a function defined in them does is another matter."""
    pending = list(nodes)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith):
            return True
        if isinstance(node, ast.comprehension) and node.is_async:
            return True
        if not isinstance(node, Function | ast.Lambda | ast.ClassDef):
            pending.extend(ast.iter_child_nodes(node))
    return False
