"""What a module uses of the sandbox, and its text with something else in that place."""

from __future__ import annotations

import ast
from typing import Final

from creator.errors import UsageError
from creator.exporting.inlining import is_offered
from creator.policy.scope import Scope
from sandbox import kit

KIT: Final = "sandbox.kit"


def kit_names(tree: ast.Module, scope: Scope) -> set[str]:
    """The names of the kit that a module uses.

    Raises:
        UsageError: It uses a name that the kit does not have.
    """
    aliases = {local for local, target in scope.imported.items() if target == KIT}
    names = {target.removeprefix(f"{KIT}.") for target in scope.imported.values() if target.startswith(f"{KIT}.")}
    looked_up: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            names.add(node.attr)
            looked_up.add(id(node.value))
        elif isinstance(node, ast.Name) and node.id in aliases and id(node) not in looked_up:
            names |= set(kit.__all__)  # it hands the kit around, so nobody can say what it will use
    unknown = sorted(name for name in names if not is_offered(name))
    if unknown:
        raise UsageError(f"the module uses kit.{unknown[0][:100]}, which the kit does not have")
    return names


def without_sandbox(source: str, tree: ast.Module, kit_name: str) -> str:
    """The module's text with assignments in place of its imports of the kit, and nothing else changed.

    Args:
        source: The module.
        tree: Its syntax tree.
        kit_name: What holds the kit's names instead.

    Raises:
        UsageError: It imports what there is in the sandbox alone.
    """
    lines = [line.encode() for line in source.replace("\r\n", "\n").split("\n")]
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    for node in sorted(imports, key=lambda one: (one.lineno, one.col_offset), reverse=True):
        text = _instead(node, kit_name)
        if text is None:
            continue
        assert node.end_lineno is not None and node.end_col_offset is not None
        before, after = lines[node.lineno - 1][: node.col_offset], lines[node.end_lineno - 1][node.end_col_offset :]
        if not text and (before + after).strip():
            text = "pass"  # the statement shares its line
        line = before + text.encode() + after
        lines[node.lineno - 1 : node.end_lineno] = [line] if line else []
    return b"\n".join(lines).decode()


def _instead(node: ast.Import | ast.ImportFrom, kit_name: str) -> str | None:
    """What stands in place of an import; None leaves it as it is."""
    if isinstance(node, ast.ImportFrom) and node.module == "__future__":
        return ""
    root = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
    targets = [(alias, f"{root}{alias.name}") for alias in node.names]
    if not any(target.partition(".")[0] == "sandbox" for _, target in targets):
        return None
    parts = []
    for alias, target in targets:
        if target == KIT and (alias.asname or root):
            parts.append(f"{alias.asname or alias.name} = {kit_name}")
        elif root == f"{KIT}." and alias.name != "*":
            parts.append(f"{alias.asname or alias.name} = {kit_name}.{alias.name}")
        elif target.partition(".")[0] != "sandbox":
            parts.append(f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else ""))
        else:
            raise UsageError(f"line {node.lineno} imports {target[:100]!r}, which there is in the sandbox alone")
    return "; ".join(parts)
