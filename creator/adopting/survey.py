"""What of a foreign module has no counterpart here, each with a plain sentence."""

from __future__ import annotations

import ast
from typing import Final

from creator.adopting.names import (
    FIND_RECIPIENT,
    MESSAGE,
    ROUTED_AGENT,
    Function,
    dotted,
    imports_of,
    local_name,
    methods,
    module_of,
)
from creator.adopting.notes import Notes, lines_of
from creator.adopting.plan import Plan, Signature, message_type
from creator.policy.allowed import MODULES
from creator.policy.findings import quoted
from sandbox.protocol import Message

_NETWORK: Final = frozenset({"aiohttp", "http", "httpx", "requests", "socket", "urllib", "urllib3", "websockets"})
_MACHINE: Final = frozenset(
    {"glob", "importlib", "io", "os", "pathlib", "shutil", "signal", "subprocess", "sys", "tempfile", "threading"}
)
_DELEGATE_OPTIONS: Final = {
    "tools": "the model gateway offers no tools",
    "workbench": "the model gateway offers no tools",
    "handoffs": "messages go to the names of live agents, not to a fixed list",
    "memory": "no memory of AutoGen's can be imported in the sandbox",
}
_DEFINITIONS: Final = (
    ast.Import,
    ast.ImportFrom,
    ast.ClassDef,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.Assign,
    ast.AnnAssign,
    ast.Pass,
)
_SUBSCRIPTIONS: Final = frozenset({"default_subscription", "type_subscription"})


def survey(tree: ast.Module, plan: Plan, gone: set[str], unmapped: Notes) -> None:
    """Name what is left as it is.

    Args:
        tree: The original.
        plan: What was done with it.
        gone: Local names whose imports the rewrite made needless.
        unmapped: Gets the sentences, by lines of the original.
    """
    _imports(tree, plan, gone, unmapped)
    for line in plan.bounces.without_own_idea:
        unmapped.add(
            line, "when no colleague answers, the request fails: keep an idea of the agent's own to return then"
        )
    for one in tree.body:
        is_text = isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)
        if not (isinstance(one, _DEFINITIONS) or is_text or one.lineno in plan.dropped):
            unmapped.add(one.lineno, "this runs when the module is loaded, where only definitions may stand")
        if isinstance(one, ast.ClassDef) and one is not plan.agent and _is_agent(one, plan):
            unmapped.add(one.lineno, f"{quoted(one.name)} is another agent; adopt it from a file of its own")
    for decorator in plan.agent.decorator_list:
        name = dotted(decorator.func if isinstance(decorator, ast.Call) else decorator) or ""
        last = name.rpartition(".")[2]
        if last in _SUBSCRIPTIONS:
            unmapped.add(decorator.lineno, f"@{last}: there are no topics here, messages go to names")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            _call(node, plan, unmapped)
    _heads(plan, unmapped)


def _is_agent(node: ast.ClassDef, plan: Plan) -> bool:
    return ROUTED_AGENT in map(plan.names.of_node, node.bases)


def _imports(tree: ast.Module, plan: Plan, gone: set[str], unmapped: Notes) -> None:
    uses: dict[str, set[int]] = {}
    attributes = (one for one in ast.walk(tree) if isinstance(one, ast.Attribute))
    mapped = {id(one.value) for one in attributes if plan.names.of_node(one) in {MESSAGE, FIND_RECIPIENT}}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and id(node) not in mapped:
            uses.setdefault(node.id, set()).add(node.lineno)
    for statement, alias in imports_of(tree):
        module = module_of(statement) if isinstance(statement, ast.ImportFrom) else alias.name
        local = local_name(statement, alias)
        is_listed = not isinstance(statement, ast.ImportFrom) or alias.name in {"*", *MODULES.get(module, ())}
        if local in gone or (module in MODULES and is_listed) or alias.name in _SUBSCRIPTIONS:
            continue
        what = f"{quoted(alias.name)} of {quoted(module)}" if isinstance(statement, ast.ImportFrom) else quoted(module)
        used = f", used in {lines_of(uses[local])}" if local in uses else ""
        unmapped.add(statement.lineno, f"import of {what}{used}: {_reason(plan.names.meaning(local) or module)}")


def _reason(full_name: str) -> str:
    first = full_name.partition(".")[0]
    if first == "messages":
        return "only the original's own module knows what this is"
    if first in _NETWORK:
        return "an agent has no network"
    if first in _MACHINE:
        return "an agent has no files, environment variables or processes"
    return "an agent cannot import this"


def _call(call: ast.Call, plan: Plan, unmapped: Notes) -> None:
    name = dotted(call.func) or ""
    if name == "open":
        unmapped.add(call.lineno, "open: an agent has no files")
    elif name == "self.publish_message":
        unmapped.add(call.lineno, "publish_message: there are no topics here, messages go to names")
    elif plan.names.meaning(name) == "autogen_core.AgentId" and call.args and isinstance(call.args[0], ast.Constant):
        who = quoted(str(call.args[0].value))
        unmapped.add(call.lineno, f"AgentId: the run names its agents, {who} may not be there")
    elif plan.names.meaning(name) == "autogen_agentchat.agents.AssistantAgent":
        for keyword in call.keywords:
            if keyword.arg in _DELEGATE_OPTIONS:
                reason = _DELEGATE_OPTIONS[keyword.arg]
                unmapped.add(keyword.value.lineno, f"{keyword.arg} of AssistantAgent: {reason}")


def _heads(plan: Plan, unmapped: Notes) -> None:
    """What the heads of the constructor and the handlers ask for, and nobody here gives."""
    for method in methods(plan.agent):
        if method.name == "__init__":
            arguments = method.args
            others = [*arguments.args[2:], *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
            for one in others:
                if one is not None:
                    unmapped.add(one.lineno, f"{quoted(one.arg)} of __init__: an agent is made with its name alone")
    for handler in plan.handlers:
        takes = message_type(handler)
        name = quoted(handler.name)
        if plan.names.of_node(takes) == MESSAGE:
            if handler not in plan.texts:
                unmapped.add(handler.lineno, f"handler {name} answers with no text, so no idea can be asked of it")
            _fields(handler, unmapped)
        else:
            sends = "does not say what it takes" if takes is None else f"takes {quoted(ast.unparse(takes))}"
            unmapped.add(handler.lineno, f"handler {name} {sends}: it is left as it is, but nobody here sends that")
        _parameters(handler, plan, unmapped)
    if not plan.texts:
        unmapped.add(plan.agent.lineno, "no handler answers a text with a text: this agent can introduce itself only")


def _fields(handler: Function, unmapped: Notes) -> None:
    """Fields of the original's message that a text does not have."""
    parameter = handler.args.args[1].arg
    stores = (one.id for one in ast.walk(handler) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store))
    if parameter in stores:
        return  # from somewhere on it is something else
    attributes = (one for one in ast.walk(handler) if isinstance(one, ast.Attribute))
    for one in attributes:
        if dotted(one.value) == parameter and one.attr != "content" and not hasattr(Message, one.attr):
            sentence = f"{quoted(one.attr)} of the message: a kit.Text has a content and no such field"
            unmapped.add(one.lineno, sentence)


def _parameters(handler: Function, plan: Plan, unmapped: Notes) -> None:
    """Parameters that cannot be renamed."""
    renamed = plan.signatures.get(handler.lineno, Signature()).renamed
    for one, wanted in zip(handler.args.args[1:], ("message", "ctx"), strict=False):
        if one.arg != wanted and one.arg not in renamed:
            unmapped.add(one.lineno, f"the parameter {quoted(one.arg)} has to be called {wanted!r}; rename it by hand")
