"""What the names of a foreign module stand for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

Function = ast.FunctionDef | ast.AsyncFunctionDef

MESSAGE: Final = "messages.Message"
"""The one message of the course's ``messages.py``, whatever a module calls it: a text."""
FIND_RECIPIENT: Final = "messages.find_recipient"
LOAD_DOTENV: Final = "dotenv.load_dotenv"
MESSAGE_CONTEXT: Final = "autogen_core.MessageContext"
MESSAGE_HANDLER: Final = "autogen_core.message_handler"
ROUTED_AGENT: Final = "autogen_core.RoutedAgent"


@dataclass
class Names:
    """The names that a module imports, and the class that is its own text message.

    Attributes:
        imported: By local name: its full name, such as ``autogen_core.RoutedAgent`` or ``messages``.
        own_message: The module's own dataclass with nothing but a ``content: str``, which then is the `MESSAGE`.
    """

    imported: dict[str, str] = field(default_factory=dict)
    own_message: ast.ClassDef | None = None

    @classmethod
    def of(cls, tree: ast.Module) -> Names:
        """Reads a module's imports."""
        names = cls()
        for node, alias in imports_of(tree):
            local = local_name(node, alias)
            module = f"{module_of(node)}." if isinstance(node, ast.ImportFrom) else ""
            names.imported[local] = module + alias.name if module or alias.asname else local
        messages = [one for one in tree.body if isinstance(one, ast.ClassDef) and names._is_text_message(one)]
        names.own_message = messages[0] if len(messages) == 1 else None
        return names

    def meaning(self, name: str | None) -> str | None:
        """The full name of what a dotted name of the module stands for; None when it is nothing imported."""
        if name is None:
            return None
        first, dot, rest = name.partition(".")
        if self.own_message is not None and name == self.own_message.name:
            return MESSAGE
        return _full_name(self.imported[first] + dot + rest) if first in self.imported else None

    def of_node(self, node: ast.AST | None) -> str | None:
        """The full name of what a name, an attribute of a name, or an annotation in quotes stands for."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return self.meaning(node.value)
        return self.meaning(dotted(node))

    def spelling(self, full_name: str) -> str | None:
        """How the module can write something: the reverse of `meaning`."""
        module, _, name = full_name.rpartition(".")
        for local, target in self.imported.items():
            if target == full_name:
                return local
            if target == module:
                return f"{local}.{name}"
        return None

    def _is_text_message(self, node: ast.ClassDef) -> bool:
        is_data = any(self.of_node(one) == "dataclasses.dataclass" for one in node.decorator_list)
        is_model = [self.of_node(base) for base in node.bases] == ["pydantic.BaseModel"]
        fields = [one for one in node.body if not _is_docstring(one)]
        return (
            (is_data and not node.bases) != (is_model and not node.decorator_list)
            and len(fields) == 1
            and isinstance(fields[0], ast.AnnAssign)
            and dotted(fields[0].target) == "content"
            and dotted(fields[0].annotation) == "str"
            and fields[0].value is None
        )


def imports_of(tree: ast.Module) -> Iterator[tuple[ast.Import | ast.ImportFrom, ast.alias]]:
    """Everything that a module imports, wherever the statement stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((node, alias) for alias in node.names)


def local_name(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    """The name that an import binds."""
    if alias.asname is not None:
        return alias.asname
    return alias.name if isinstance(node, ast.ImportFrom) else alias.name.partition(".")[0]


def module_of(node: ast.ImportFrom) -> str:
    """The module of a ``from`` import, with its leading dots."""
    return "." * node.level + (node.module or "")


def is_model_client(full_name: str | None) -> bool:
    """Whether this is one of AutoGen's clients of a model provider."""
    name = full_name or ""
    return name.startswith("autogen_ext.models.") and name.endswith("ChatCompletionClient")


def dotted(node: ast.AST | None) -> str | None:
    """``a.b.c`` as text; None for anything else than names and attributes of names."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join(reversed([*parts, node.id])) if isinstance(node, ast.Name) else None


def methods(agent: ast.ClassDef) -> list[Function]:
    """The methods of a class that have a ``self``."""
    functions = (one for one in agent.body if isinstance(one, Function))
    return [one for one in functions if one.args.args and one.args.args[0].arg == "self"]


def read_names(node: ast.AST) -> Iterator[str]:
    """The names that are read anywhere in a piece of code."""
    for one in ast.walk(node):
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load):
            yield one.id
        elif isinstance(one, ast.AugAssign) and isinstance(one.target, ast.Name):
            yield one.target.id


def _full_name(name: str) -> str:
    """The module of the course's messages may stand in a package: only its own name counts."""
    parts = name.lstrip(".").split(".")
    if name.startswith("autogen_") or "messages" not in parts[-2:]:
        return name
    return ".".join(parts[parts.index("messages") :])


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
