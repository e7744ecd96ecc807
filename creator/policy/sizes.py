"""The rule about sizes: how large a literal is, and what an expression of literals comes to."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from creator.policy.imports import Refuse

MAX_LENGTH: Final = 50_000
"""Characters of a text, bytes of bytes, elements of a list that is repeated."""
MAX_DIGITS: Final = 64
MAX_ELEMENTS: Final = 1_000
"""Elements that are written out in a list, tuple, set or dictionary."""
MAX_RANGE: Final = 1_000_000

_TOO_LARGE: Final = 10**MAX_DIGITS
_MAX_BITS: Final = _TOO_LARGE.bit_length()
_OPERATORS: Final[Mapping[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
_SIGNS: Final[Mapping[type[ast.unaryop], Callable[[Any], Any]]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
}
_NUMBER: Final = re.compile(r"[1-9][0-9]*")


@dataclass(frozen=True)
class _Sized:
    """A text, bytes, a list or a tuple of known length."""

    length: int


_Value = int | float | _Sized
_Values = dict[ast.AST, _Value]


def check_sizes(tree: ast.Module, refuse: Refuse) -> None:
    """LITERAL001. Nothing is worked out that is larger than what is allowed."""
    values: _Values = {}
    for node in reversed(list(ast.walk(tree))):  # a node after its children
        try:
            value = _value(node, values)
        except (ArithmeticError, ValueError, TypeError):  # will be an error when it runs, too
            continue
        problem = _problem(node, value, values)
        if problem:
            refuse(node, "LITERAL001", problem)
        elif value is not None:
            values[node] = value


def _problem(node: ast.AST, value: _Value | None, values: _Values) -> str | None:
    if isinstance(node, ast.List | ast.Tuple | ast.Set) and len(node.elts) > MAX_ELEMENTS:
        return f"more than {MAX_ELEMENTS:,} elements; write fewer"
    if isinstance(node, ast.Dict) and len(node.values) > MAX_ELEMENTS:
        return f"more than {MAX_ELEMENTS:,} entries; write fewer"
    if isinstance(value, _Sized) and value.length > MAX_LENGTH:
        return f"this comes to more than {MAX_LENGTH:,} characters or elements"
    if isinstance(value, int) and abs(value) >= _TOO_LARGE:
        return f"this comes to a number of more than {MAX_DIGITS} digits"
    asked, most = _asked(node, values)
    return f"this asks for more than {most:,} characters or elements" if asked > most else None


def _value(node: ast.AST, values: _Values) -> _Value | None:
    """What an expression comes to, if that can be told; raises what the expression would raise."""
    match node:
        case ast.Constant(value=str() | bytes() as text):
            return _Sized(len(text))
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.List() | ast.Tuple():
            return None if any(isinstance(one, ast.Starred) for one in node.elts) else _Sized(len(node.elts))
        case ast.UnaryOp() if type(node.op) in _SIGNS and isinstance(values.get(node.operand), int | float):
            return _plain(_SIGNS[type(node.op)](values[node.operand]))
        case ast.BinOp() if node.left in values and node.right in values:
            return _combined(type(node.op), values[node.left], values[node.right])
        case ast.Call(func=ast.Name(id="pow"), args=[base, power], keywords=[]) if base in values and power in values:
            return _combined(ast.Pow, values[base], values[power])
    return None


def _combined(how: type[ast.operator], left: _Value, right: _Value) -> _Value | None:
    if isinstance(left, _Sized) or isinstance(right, _Sized):
        return _sized(how, left, right)
    if isinstance(left, int) and isinstance(right, int):
        if how is ast.LShift:
            return _TOO_LARGE if left and right > _MAX_BITS else left << right
        # A number of n bits has at least (n - 1) * power bits when it is raised.
        if how is ast.Pow and (abs(left).bit_length() - 1) * right > _MAX_BITS:
            return _TOO_LARGE
    if how is ast.Pow:
        return _plain(left**right)
    return _plain(_OPERATORS[how](left, right)) if how in _OPERATORS else None


def _sized(how: type[ast.operator], left: _Value, right: _Value) -> _Sized | None:
    if how is ast.Add and isinstance(left, _Sized) and isinstance(right, _Sized):
        return _Sized(left.length + right.length)
    if how is ast.Mult and isinstance(left, _Sized) and isinstance(right, int):
        return _Sized(left.length * max(right, 0))
    if how is ast.Mult and isinstance(left, int) and isinstance(right, _Sized):
        return _Sized(max(left, 0) * right.length)
    return None


def _plain(value: object) -> int | float | None:
    return value if isinstance(value, int | float) else None


def _asked(node: ast.AST, values: _Values) -> tuple[int, int]:
    """How much is made of plain numbers, and the most that may be: ``range(n)``, ``x.ljust(n)``, ``f"{x:>9}"``."""
    if isinstance(node, ast.JoinedStr):
        return max(map(_widest, node.values), default=0), MAX_LENGTH
    if not isinstance(node, ast.Call):
        return 0, 0
    match node.func, [values.get(one) for one in node.args]:
        case ast.Name(id="bytes") | ast.Attribute(attr="center" | "ljust" | "rjust" | "zfill"), [int(count), *_]:
            return count, MAX_LENGTH
        case ast.Name(id="range"), [int(stop)]:
            return stop, MAX_RANGE
        case ast.Name(id="range"), [int(start), int(stop)]:
            return stop - start, MAX_RANGE
        case ast.Name(id="range"), [int(start), int(stop), int(step)] if step:
            return (stop - start) // step, MAX_RANGE
    return 0, 0


def _widest(value: ast.expr) -> int:
    """The largest number in the format of an f-string's value, such as the width in ``f"{x:>80}"``."""
    format_spec = value.format_spec if isinstance(value, ast.FormattedValue) else None
    texts = (str(one.value) for one in getattr(format_spec, "values", []) if isinstance(one, ast.Constant))
    return max((int(digits[:9]) for text in texts for digits in _NUMBER.findall(text)), default=0)
