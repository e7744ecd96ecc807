"""What is to be done with a foreign module, read from its syntax tree."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from creator.adopting.bounces import Bounces
from creator.adopting.names import (
    LOAD_DOTENV,
    MESSAGE,
    ROUTED_AGENT,
    Function,
    Names,
    dotted,
    is_model_client,
    methods,
    read_names,
)
from creator.errors import UsageError
from creator.policy.allowed import HANDLER_DECORATORS
from creator.policy.findings import quoted
from creator.policy.scope import bindings

_NAMED: Final = (ast.Name, ast.arg)
_FED_CLIENT: Final = "this is left out: it only was there for the model client"


@dataclass(frozen=True)
class Signature:
    """How the head of a method has to change.

    Attributes:
        renamed: New names of parameters, by their old ones.
        context: Whether its last parameter gets the annotation ``MessageContext``.
        returns: Whether it gets the return annotation ``kit.Text``.
        named: Whether it gets a parameter ``name``.
    """

    renamed: dict[str, str] = field(default_factory=dict)
    context: bool = False
    returns: bool = False
    named: bool = False


@dataclass
class Plan:
    """What is to be done, by lines of the original.

    Attributes:
        names: What the module's names stand for.
        agent: Its class.
        handlers: The agent's message handlers.
        texts: Those that answer a text with a text.
        signatures: The heads to change, by the line of the ``def``.
        bounces: Where colleagues are asked.
        dropped: Statements to leave out, by line: why.
        imports_at: The line of the import before which ours are to stand.
    """

    names: Names
    agent: ast.ClassDef
    handlers: list[Function]
    texts: list[Function]
    signatures: dict[int, Signature]
    bounces: Bounces
    dropped: dict[int, str]
    imports_at: int

    @classmethod
    def of(cls, tree: ast.Module, filename: str) -> Plan:
        """Reads a module.

        Raises:
            UsageError: There is no class that is surely the agent.
        """
        names = Names.of(tree)
        agent = _agent(tree, names, filename)
        handlers = [one for one in methods(agent) if is_handler(one, names)]
        takes_text = [one for one in handlers if names.of_node(message_type(one)) == MESSAGE]
        signatures = {one.lineno: _of_handler(one, names, one in takes_text) for one in handlers}
        signatures.update({one.lineno: _of_constructor(one) for one in methods(agent) if one.name == "__init__"})
        texts = [one for one in takes_text if names.of_node(one.returns) == MESSAGE or signatures[one.lineno].returns]
        return cls(
            names=names,
            agent=agent,
            handlers=handlers,
            texts=texts,
            signatures={line: one for line, one in signatures.items() if one != Signature()},
            bounces=Bounces.of(agent, names, handlers),
            dropped=_dropped(tree, agent, names),
            imports_at=_imports_at(tree, names, filename),
        )


def is_handler(method: Function, names: Names) -> bool:
    """Whether a method has one of AutoGen's decorators for handlers."""
    decorators = (one.func if isinstance(one, ast.Call) else one for one in method.decorator_list)
    return any(names.of_node(one) in HANDLER_DECORATORS for one in decorators)


def message_type(handler: Function) -> ast.expr | None:
    """The annotation of what a handler takes."""
    arguments = handler.args.args
    return arguments[1].annotation if len(arguments) > 1 else None


def _agent(tree: ast.Module, names: Names, filename: str) -> ast.ClassDef:
    classes = [one for one in tree.body if isinstance(one, ast.ClassDef)]
    agents = [one for one in classes if ROUTED_AGENT in map(names.of_node, one.bases)]
    chosen = [one for one in agents if one.name == "Agent"] or agents
    if len(chosen) != 1:
        found = f"there are {', '.join(quoted(one.name) for one in agents[:5])}" if agents else "there is none"
        raise UsageError(
            f"{filename!r} cannot be adopted: write one class Agent(RoutedAgent) at the top level; {found}"
        )
    if chosen[0].name != "Agent" and "Agent" in {name for node in ast.walk(tree) for name in bindings(node)}:
        raise UsageError(
            f"{filename!r} cannot be adopted: name its class {quoted(chosen[0].name)} 'Agent', and no other"
        )
    return chosen[0]


def _imports_at(tree: ast.Module, names: Names, filename: str) -> int:
    """Where the module imports its messages; else its last import."""
    imports = [one for one in tree.body if isinstance(one, ast.Import | ast.ImportFrom)]
    imports = [one for one in imports if getattr(one, "module", None) != "__future__"]
    if not imports:
        raise UsageError(f"{filename!r} cannot be adopted: write its imports at the top level")
    locals_ = ((one, alias.asname or alias.name) for one in imports for alias in one.names)
    of_messages = (one for one, name in locals_ if (names.meaning(name) or "").partition(".")[0] == "messages")
    return next(of_messages, imports[-1]).lineno


def _of_handler(handler: Function, names: Names, takes_text: bool) -> Signature:
    arguments = handler.args.args
    if len(arguments) != 3:
        return Signature()
    gives = any(isinstance(one, ast.Return) and one.value is not None for one in ast.walk(handler))
    return Signature(
        renamed=_renamed(handler, {arguments[1].arg: "message", arguments[2].arg: "ctx"}),
        context=arguments[2].annotation is None,
        returns=handler.returns is None and takes_text and gives,
    )


def _of_constructor(constructor: Function) -> Signature:
    arguments = constructor.args.args
    if len(arguments) == 1:
        return Signature(named=not _other_arguments(constructor))
    return Signature(renamed=_renamed(constructor, {arguments[1].arg: "name"}) if len(arguments) == 2 else {})


def _other_arguments(function: Function) -> bool:
    arguments = function.args
    return bool(arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs)


def _renamed(function: Function, wanted: dict[str, str]) -> dict[str, str]:
    """Which parameters can get the names that are wanted: those that nothing else in the function has."""
    taken = {one.id if isinstance(one, ast.Name) else one.arg for one in ast.walk(function) if isinstance(one, _NAMED)}
    return {old: new for old, new in wanted.items() if old != new and new not in taken}


def _dropped(tree: ast.Module, agent: ast.ClassDef, names: Names) -> dict[int, str]:
    """Statements that mean nothing in the sandbox, by line."""
    statements = [one for one in ast.walk(tree) if isinstance(one, ast.stmt)]
    in_line = Counter(one.lineno for one in statements)
    alone = [one for one in statements if in_line[one.lineno] == 1]
    dropped = {one.lineno: _FED_CLIENT for one in _feeding(tree, alone, agent, names)}
    for one in alone:
        call = one.value if isinstance(one, ast.Expr) else None
        if isinstance(call, ast.Call) and names.of_node(call.func) == LOAD_DOTENV:
            dropped[one.lineno] = "load_dotenv() is left out: no key enters the sandbox"
    if names.own_message is not None:
        dropped[names.own_message.lineno] = f"the class {quoted(names.own_message.name)} is left out: it is a kit.Text"
    return dropped


def _feeding(
    tree: ast.Module, statements: list[ast.stmt], agent: ast.ClassDef, names: Names
) -> Iterator[ast.Assign | ast.AnnAssign]:
    """The assignments, such as of a key, whose value only went to clients of a model, directly or not."""
    calls = (one for method in methods(agent) for one in ast.walk(method) if isinstance(one, ast.Call))
    clients = [one for one in calls if is_model_client(names.of_node(one.func))]
    assignments: dict[str, list[ast.Assign | ast.AnnAssign]] = {}
    for one in statements:
        if isinstance(one, ast.Assign | ast.AnnAssign) and one.value is not None:
            targets = one.targets if isinstance(one, ast.Assign) else [one.target]
            key = dotted(targets[0])
            if len(targets) == 1 and key is not None:
                assignments.setdefault(key, []).append(one)
    elsewhere = Counter(_read_keys(tree))
    pending: list[ast.expr] = [value for one in clients for value in (*one.args, *(kw.value for kw in one.keywords))]
    while pending:
        for key in _read_keys(pending.pop()):
            elsewhere[key] -= 1
            if elsewhere[key] == 0:
                for one in assignments.pop(key, []):
                    assert one.value is not None
                    pending.append(one.value)
                    yield one


def _read_keys(node: ast.AST) -> Iterator[str]:
    """What is read in a piece of code: names, and attributes of ``self`` such as ``self.key``."""
    yield from read_names(node)
    for one in ast.walk(node):
        if isinstance(one, ast.Attribute) and isinstance(one.ctx, ast.Load) and dotted(one.value) == "self":
            yield f"self.{one.attr}"
