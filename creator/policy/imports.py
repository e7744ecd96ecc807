"""Rules about imports."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Final

from creator.policy.allowed import MODULES
from creator.policy.findings import quoted
from creator.policy.scope import Scope

Refuse = Callable[[ast.AST, str, str], None]
"""Takes the node at fault, the rule and the message."""

_ONLY_FROM: Final = frozenset({"__future__", "sandbox"})
"""Modules that may stand in ``from … import`` only."""


def check_imports(tree: ast.Module, scope: Scope, parents: Mapping[ast.AST, ast.AST], refuse: Refuse) -> None:
    """IMPORT001 to IMPORT004, and the names that imports bind (NAME001, NAME003)."""
    seen: dict[str, str] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        if not isinstance(parents[node], ast.Module):
            refuse(node, "IMPORT004", "move this import to the top of the module")
        if isinstance(node, ast.ImportFrom):
            _check_from(node, refuse)
        else:
            _check_import(node, refuse)
        for alias in node.names:
            local = alias.asname or alias.name
            if local.startswith("__") or not local.isascii():
                refuse(node, "NAME001", f"{quoted(local)} is no name for an import")
            target = f"{getattr(node, 'module', '')}.{alias.name}"
            if seen.setdefault(local, target) != target:
                refuse(node, "NAME003", f"{quoted(local)} is imported twice, for different things")


def _check_import(node: ast.Import, refuse: Refuse) -> None:
    for alias in node.names:
        if alias.name not in MODULES:
            refuse(node, "IMPORT001", f"module {quoted(alias.name)} is not allowed; {_choices()}")
        elif alias.name in _ONLY_FROM or ("." in alias.name and alias.asname is None):
            refuse(node, "IMPORT001", f"import what you need from {alias.name!r} with 'from {alias.name} import …'")


def _check_from(node: ast.ImportFrom, refuse: Refuse) -> None:
    module = node.module or ""
    if node.level:
        refuse(node, "IMPORT003", "relative imports are not allowed; name the module in full")
    elif any(alias.name == "*" for alias in node.names):
        refuse(node, "IMPORT003", "star imports are not allowed; list the names")
    elif module not in MODULES:
        refuse(node, "IMPORT001", f"module {quoted(module)} is not allowed; {_choices()}")
    else:
        for alias in node.names:
            if alias.name not in MODULES[module]:
                refuse(node, "IMPORT002", f"{quoted(alias.name)} may not be imported from {module!r}; {_names(module)}")


def unlisted(module: str, name: str) -> str | None:
    """Why ``module.name`` is refused, or None when it is listed."""
    return None if name in MODULES[module] else f"{quoted(name)} may not be used of {module!r}; {_names(module)}"


def _choices() -> str:
    return "allowed are " + ", ".join(sorted(MODULES))


def _names(module: str) -> str:
    names = sorted(MODULES[module])
    return "allowed are " + ", ".join(names[:12]) + (", and more" if len(names) > 12 else "")
