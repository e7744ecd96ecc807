"""What the names of a module stand for."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from creator.policy.allowed import BUILTINS, MODULES

Function = ast.FunctionDef | ast.AsyncFunctionDef
_RECEIVERS: Final = frozenset({"self", "cls"})


@dataclass
class Scope:
    """The names that a module imports, binds and keeps to itself.

    Attributes:
        imported: By local name: what it stands for, such as ``autogen_core.RoutedAgent`` or ``sandbox.kit``.
        bound: Every name that the module binds in another way, in any scope, and how often.
        private: The private attributes that its classes define.
        classes: The names that class definitions bind, and nothing else does.
        types: What an annotation may name of the module's own: its classes, and other names for types.
    """

    imported: dict[str, str] = field(default_factory=dict)
    bound: Counter[str] = field(default_factory=Counter)
    private: set[str] = field(default_factory=set)
    classes: set[str] = field(default_factory=set)
    types: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, tree: ast.Module) -> Scope:
        """Reads a module's bindings."""
        scope = cls()
        class_names: Counter[str] = Counter()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    scope.imported[alias.asname or alias.name.partition(".")[0]] = alias.name
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    scope.imported[alias.asname or alias.name] = f"{node.module}.{alias.name}"
            else:
                scope.bound.update(bindings(node))
                scope.private.update(_own_private(node))
                if isinstance(node, ast.ClassDef):
                    class_names[node.name] += 1
        scope.classes = {name for name, times in class_names.items() if scope.bound[name] == times}
        scope.types = set(scope.classes)
        return scope

    def module(self, node: ast.AST) -> str | None:
        """The module that a name stands for, if it is one."""
        target = self.imported.get(node.id) if isinstance(node, ast.Name) else None
        return target if target in MODULES else None

    def resolve(self, node: ast.AST) -> str | None:
        """What a name or ``module.name`` stands for: its full name, or None when it is the module's own."""
        if isinstance(node, ast.Name):
            if node.id in self.imported:
                return self.imported[node.id]
            return f"builtins.{node.id}" if node.id in BUILTINS and node.id not in self.bound else None
        if isinstance(node, ast.Attribute):
            module = self.module(node.value)
            return f"{module}.{node.attr}" if module else None
        return None

    def is_imported(self, node: ast.AST) -> bool:
        """Whether a chain such as ``kit.Idea.x`` or ``RoutedAgent.y[0]`` begins at an imported name."""
        while isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self.imported


def bindings(node: ast.AST) -> Iterator[str]:
    """The names that one node binds itself, imports excepted."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, Function | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest


def defined(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement of a module's or a class's body defines."""
    if isinstance(statement, Function | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.AnnAssign):
        yield from bindings(statement.target)
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            yield from bindings(target)


def is_receiver(node: ast.AST) -> bool:
    """Whether this is ``self`` or ``cls``."""
    return isinstance(node, ast.Name) and node.id in _RECEIVERS


def _own_private(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_receiver(node.value):
        names = [node.attr]
    elif isinstance(node, ast.ClassDef):
        names = [name for statement in node.body for name in defined(statement)]
    else:
        return
    yield from (name for name in names if name.startswith("_"))
