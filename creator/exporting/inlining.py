"""Our own definitions as text, for a script that cannot import them: those it uses, and all that these need.

The text is taken from the modules that the sandbox runs on, so a script cannot drift from them.
"""

from __future__ import annotations

import ast
import functools
import inspect
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Final

from creator.exporting import outside
from creator.models import client_backend
from sandbox import colleagues, errors, kit, protocol, tasks

SOURCES: Final[dict[str, ModuleType]] = {
    one.__name__: one for one in (outside, kit, tasks, colleagues, protocol, errors, client_backend)
}
"""What definitions may be copied from; those of `outside` go before others of the same name."""

_ONLY_INSIDE: Final = {name for name, value in vars(protocol).items() if value in list(protocol.RESERVED_NAMES)}
"""Names for trusted agents: what sends them messages cannot do so outside."""

_OURS: Final = ("creator", "sandbox")


class OnlyInside(LookupError):
    """A definition needs something of ours that there is in the sandbox only."""


@dataclass
class Inlined:
    """Definitions to be copied, in the order in which they need each other.

    Attributes:
        imports: Modules, and the names to import from them; an empty name stands for the module itself.
        definitions: By name: the text.
    """

    imports: set[tuple[str, str]] = field(default_factory=set)
    definitions: dict[str, str] = field(default_factory=dict)

    def import_lines(self) -> list[str]:
        """The imports as statements: Python's own first, and modules before names, as usual."""
        whole = {module: f"import {module}" for module, name in self.imports if not name}
        names = {
            module: sorted(one for where, one in self.imports if where == module and one) for module, _ in self.imports
        }
        parts = {module: f"from {module} import {', '.join(found)}" for module, found in names.items() if found}
        return [
            line
            for own in (True, False)
            for lines in (whole, parts)
            for module, line in sorted(lines.items())
            if (module.partition(".")[0] in sys.stdlib_module_names) is own
        ]


def inlined(names: Iterable[str]) -> Inlined:
    """The definitions of names of `outside` or of the kit, with everything that they need.

    Raises:
        OnlyInside: A name is in neither, or needs what there is in the sandbox only.
    """
    result = Inlined()
    seen: set[tuple[str, str]] = set()
    for name in names:
        try:
            if not is_offered(name):
                raise OnlyInside("the kit has no such name")
            _collect(kit.__name__, name, result, seen)
        except OnlyInside as problem:
            raise OnlyInside(f"kit.{name} cannot be had outside of the sandbox: {problem}") from None
    return result


def is_offered(name: str) -> bool:
    """Whether `outside` or the kit has a name."""
    kits = _module(kit.__name__)
    return name in _module(outside.__name__).definitions or name in kits.definitions or name in kits.imports


@dataclass(frozen=True)
class _Module:
    """A module's top-level statements, by the name that they bind."""

    definitions: dict[str, tuple[str, frozenset[str]]]
    """The text, and the names in it."""
    imports: dict[str, tuple[str, str]]
    """The module and the name in it; no name when the module itself is imported."""


@functools.cache
def _module(name: str) -> _Module:
    text = inspect.getsource(SOURCES[name])
    lines = text.split("\n")
    statements = ast.parse(text).body
    definitions: dict[str, tuple[str, frozenset[str]]] = {}
    imports: dict[str, tuple[str, str]] = {}
    for number, node in enumerate(statements):
        if isinstance(node, ast.Import):
            imports |= {alias.asname or alias.name: (alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imports |= {alias.asname or alias.name: (node.module or "", alias.name) for alias in node.names}
        else:
            first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
            after = statements[number + 1] if number + 1 < len(statements) else None
            explained = isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(after, ast.Expr)
            last = after.end_lineno if explained and after is not None else node.end_lineno
            used = frozenset(one.id for one in ast.walk(node) if isinstance(one, ast.Name))
            definitions |= {one: ("\n".join(lines[first - 1 : last]), used - {one}) for one in _bound(node)}
    return _Module(definitions, imports)


def _bound(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [one.id for one in targets if isinstance(one, ast.Name)]


def _collect(module: str, name: str, result: Inlined, seen: set[tuple[str, str]]) -> None:
    """Adds what ``name`` stands for in a module, after what that needs."""
    if name in _module(outside.__name__).definitions:
        module = outside.__name__
    known = _module(module)
    if (module, name) in seen:
        return
    seen.add((module, name))
    if name in _ONLY_INSIDE:
        raise OnlyInside(f"it sends messages to {name}")
    if name in known.definitions:
        text, used = known.definitions[name]
        for one in sorted(used):
            _collect(module, one, result, seen)
        if result.definitions.setdefault(name, text) != text:
            raise OnlyInside(f"there are two definitions of {name}")
    elif name in known.imports:
        _collect_import(*known.imports[name], name, result, seen)


def _collect_import(module: str, name: str, local: str, result: Inlined, seen: set[tuple[str, str]]) -> None:
    if module in SOURCES and name == local:
        _collect(module, name, result, seen)
    elif module.partition(".")[0] in _OURS or local not in {module, name}:
        raise OnlyInside(f"it needs {module}.{name}")
    elif module != "__future__":
        result.imports.add((module, name))
