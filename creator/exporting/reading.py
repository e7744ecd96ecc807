"""What a module says of its agent, read from its syntax tree."""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeGuard

from creator.errors import UsageError
from creator.policy.scope import Scope, bindings, is_receiver
from creator.policy.source import parse
from creator.text import encodable
from sandbox.protocol import AGENT_NAME

MAX_CHARACTERS: Final = 2_000_000
"""Most characters that are put together while a module is read; one text may be named in many others."""

_ASSISTANT: Final = "autogen_agentchat.agents.AssistantAgent"
_Value = str | int | float


@dataclass(frozen=True)
class Character:
    """What makes an agent itself.

    Attributes:
        system_message: What its delegate is told to be.
        description: What others are told of it; empty when the module says nothing.
        temperature: The sampling temperature of its model, from 0 to 2; None when the module names none.
    """

    system_message: str
    description: str
    temperature: float | None


def check_name(name: str) -> None:
    """An agent's name becomes part of a component or a script.

    Raises:
        UsageError: It is no such name.
    """
    if not AGENT_NAME.fullmatch(name):
        raise UsageError(f"{name[:64]!r} is no agent's name: use small letters, digits and '_', a letter first")


def read_module(source: str) -> ast.Module:
    """The syntax tree of a module's text.

    Raises:
        UsageError: It is no Python, or too long or too deeply nested to be read.
    """
    problems: list[str] = []
    tree = parse(source, lambda rule, line, column, message: problems.append(f"line {line}: {message}"))
    if tree is None:
        raise UsageError(f"the module cannot be exported: {problems[0]}")
    return tree


def character_of(source: str, name: str) -> Character:
    """Reads an agent's character from its module.

    Args:
        source: The module.
        name: The agent's name, for the error's text.

    Raises:
        UsageError: The module cannot be read, or its system message is not written down in it.
    """
    tree = read_module(source)
    texts = _Texts(tree)
    scope = Scope.of(tree)
    calls = sorted(
        (node for node in ast.walk(tree) if isinstance(node, ast.Call)), key=lambda one: (one.lineno, one.col_offset)
    )
    delegates = [call for call in calls if scope.resolve(call.func) == _ASSISTANT]
    parents = [call.args[0] for call in calls if call.args and _is_parents_constructor(call.func)]
    message = _first_text(texts.find("system_message", delegates))
    if message is None:
        raise UsageError(
            f"the module of {name!r} computes its system message, which a component has to hold as a text: "
            "export it with --as module instead"
        )
    description = _first_text([*texts.find("description", delegates), *map(texts.value, parents)])
    return Character(message, description or "", _first_temperature(texts.find("temperature", calls)))


def _first_text(values: Iterable[_Value | None]) -> str | None:
    return next((encodable(value) for value in values if isinstance(value, str) and value.strip()), None)


def _first_temperature(values: Iterable[_Value | None]) -> float | None:
    numbers = (float(value) for value in values if isinstance(value, int | float) and abs(value) <= 2)
    return next((number for number in numbers if math.isfinite(number) and number >= 0), None)


def _is_parents_constructor(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and function.attr == "__init__"
        and isinstance(function.value, ast.Call)
        and isinstance(function.value.func, ast.Name)
        and function.value.func.id == "super"
    )


def _is_own(node: ast.AST) -> TypeGuard[ast.Attribute]:
    """Whether this is ``self.x`` or ``cls.x``."""
    return isinstance(node, ast.Attribute) and is_receiver(node.value)


def _attribute(node: ast.AST) -> str:
    """An attribute's key among the names: its name with a dot before it."""
    return f".{node.attr if isinstance(node, ast.Attribute) else getattr(node, 'id', '')}"


class _Texts:
    """The texts and numbers that a module writes down.

    A name, or an attribute of ``self`` or of the class, that is bound once stands for what it is bound to.
    """

    def __init__(self, tree: ast.Module) -> None:
        self._known: dict[str, _Value] = {}
        self._left = MAX_CHARACTERS
        nodes = list(ast.walk(tree))
        in_classes = {id(one) for node in nodes if isinstance(node, ast.ClassDef) for one in node.body}
        assignments = [
            (target, node.value, id(node) in in_classes)
            for node in nodes
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        ]
        times = Counter(name for node in nodes for name in bindings(node))
        times.update(_attribute(node) for node in nodes if _is_own(node) and isinstance(node.ctx, ast.Store))
        times.update(_attribute(target) for target, _, in_class in assignments if in_class)
        # In the order of the text, as a module would run: what a value is made of is known by then.
        for target, expression, in_class in sorted(assignments, key=lambda one: (one[0].lineno, one[0].col_offset)):
            name = _attribute(target) if in_class or _is_own(target) else getattr(target, "id", "")
            value = self.value(expression) if times[name] == 1 else None
            if value is not None:
                self._known[name] = value

    def find(self, name: str, calls: Iterable[ast.Call]) -> Iterator[_Value | None]:
        """Values for a name: its constant in capitals, its attribute, then what calls are given under it."""
        for key in (name.upper(), f".{name.upper()}", f".{name}"):
            yield self._known.get(key)
        for call in calls:
            yield from (self.value(keyword.value) for keyword in call.keywords if keyword.arg == name)

    def value(self, node: ast.expr) -> _Value | None:
        """The value of an expression; None when it can only be known by running the module."""
        value = self._read(node)
        if isinstance(value, str):
            self._left -= len(value)
        return value if self._left >= 0 else None

    def _read(self, node: ast.expr) -> _Value | None:
        if isinstance(node, ast.Constant):
            known = isinstance(node.value, str | int | float) and not isinstance(node.value, bool)
            return node.value if known else None  # type: ignore[return-value]
        if isinstance(node, ast.Name):
            return self._known.get(node.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return self._known.get(_attribute(node))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._joined("", [node.left, node.right])
        if isinstance(node, ast.JoinedStr):
            return self._joined("", node.values, numbers=True)
        if isinstance(node, ast.FormattedValue) and node.conversion == -1 and node.format_spec is None:
            return self.value(node.value)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.keywords:
            return self._method(node.func, node.args)
        return None

    def _method(self, function: ast.Attribute, arguments: list[ast.expr]) -> str | None:
        """``text.strip()`` and ``text.join([…])``, which long texts are often written with."""
        text = self.value(function.value) if function.attr in {"strip", "join"} else None
        if not isinstance(text, str):
            return None
        if function.attr == "strip" and not arguments:
            return text.strip()
        items = arguments[0] if function.attr == "join" and len(arguments) == 1 else None
        return self._joined(text, items.elts) if isinstance(items, ast.List | ast.Tuple) else None

    def _joined(self, separator: str, nodes: list[ast.expr], *, numbers: bool = False) -> str | None:
        parts: list[str] = []
        for node in nodes:
            value = self.value(node)
            if not isinstance(value, str) and not (numbers and value is not None):
                return None
            parts.append(str(value))
            self._left -= len(separator)
        return separator.join(parts) if self._left >= 0 else None
