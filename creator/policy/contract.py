"""The class contract: what the sandbox and AutoGen's runtime need of a module."""

from __future__ import annotations

import ast
from typing import Final

from creator.policy.allowed import HANDLER_DECORATORS
from creator.policy.imports import Refuse
from creator.policy.scope import Function, Scope, bindings

_CLASS: Final = "Agent"
_HANDLER: Final = "async def a_name(self, message: kit.ProposeRequest, ctx: MessageContext) -> kit.Proposal"


def check_contract(tree: ast.Module, scope: Scope, refuse: Refuse) -> None:
    """CLASS001 to CLASS006."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == _CLASS]
    if not classes:
        refuse(tree, "CLASS001", "define a class Agent(RoutedAgent) at the top level")
        return
    agent = classes[0]
    for node in ast.walk(tree):
        if node is not agent and _CLASS in bindings(node):
            refuse(node, "CLASS001", "the name Agent may be bound once only, by its class")
    if [scope.resolve(base) for base in agent.bases] != ["autogen_core.RoutedAgent"] or agent.keywords:
        refuse(agent, "CLASS002", "Agent has to derive from autogen_core's RoutedAgent and from nothing else")
    if agent.decorator_list:
        refuse(agent.decorator_list[0], "CLASS002", "Agent takes no decorators")
    functions = [node for node in agent.body if isinstance(node, Function)]
    _check_constructor(agent, [one for one in functions if one.name == "__init__"], refuse)
    handlers = [one for one in functions if _is_handler(one, scope)]
    if not handlers:
        refuse(agent, "CLASS004", f"Agent needs a method with @message_handler: {_HANDLER}")
    for handler in handlers:
        _check_handler(handler, scope, refuse)


def _is_handler(function: Function, scope: Scope) -> bool:
    decorators = (one.func if isinstance(one, ast.Call) else one for one in function.decorator_list)
    return any(scope.resolve(one) in HANDLER_DECORATORS for one in decorators)


def _parameters(function: Function) -> list[str] | None:
    """The names of plain parameters; None when there are others, or defaults."""
    arguments = function.args
    if arguments.posonlyargs or arguments.kwonlyargs or arguments.vararg or arguments.kwarg or arguments.defaults:
        return None
    return [one.arg for one in arguments.args]


def _check_constructor(agent: ast.ClassDef, constructors: list[Function], refuse: Refuse) -> None:
    if len(constructors) != 1:
        refuse(agent, "CLASS003", "Agent needs exactly one __init__(self, name: str) -> None")
        return
    constructor = constructors[0]
    if isinstance(constructor, ast.AsyncFunctionDef) or _parameters(constructor) != ["self", "name"]:
        refuse(constructor, "CLASS003", "write def __init__(self, name: str) -> None")
    calls = (node.func for node in ast.walk(constructor) if isinstance(node, ast.Call))
    if not any(isinstance(one, ast.Attribute) and one.attr == "__init__" for one in calls):
        refuse(constructor, "CLASS003", "__init__ has to call super().__init__(description)")


def _check_handler(handler: Function, scope: Scope, refuse: Refuse) -> None:
    if not isinstance(handler, ast.AsyncFunctionDef) or _parameters(handler) != ["self", "message", "ctx"]:
        refuse(handler, "CLASS005", f"write {_HANDLER}")
        return
    message, ctx = (one.annotation for one in handler.args.args[1:])
    if message is None or handler.returns is None:
        refuse(handler, "CLASS006", f"annotate message and the return value: {_HANDLER}")
    if ctx is None or scope.resolve(ctx) != "autogen_core.MessageContext":
        refuse(handler, "CLASS006", "annotate ctx as MessageContext, imported from autogen_core")
