"""An agent as a script of its own, which needs AutoGen and a key, and nothing of ours."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable
from typing import Final

from creator.errors import UsageError
from creator.exporting.inlining import OnlyInside, inlined
from creator.exporting.kit_imports import KIT, kit_names, without_sandbox
from creator.exporting.models import outside_model
from creator.exporting.reading import check_name, read_module
from creator.policy.allowed import HANDLER_DECORATORS
from creator.policy.scope import Function, Scope
from creator.templates.literals import LINE_LENGTH, laid_out, literal

_REQUESTS: Final = {"ProposeRequest": "objective", "Text": "content"}
"""The messages that ask for an idea, the best first, and the field that says what to work on."""

_SCRIPT: Final = '''\
# The agent {name}, alone on AutoGen. Exported from the agent creator sandbox.
# WARNING: outside of the sandbox this code, written with a language model, has your rights and your key: read it first.
#
#     pip install "autogen-agentchat" "autogen-ext[openai]"
#     OPENAI_API_KEY=... python {name}.py "what to work on"
#
{notes}

from __future__ import annotations


def {make}():
    """What the agent has in place of the sandbox's kit; made of AutoGen alone."""
{kit}


{kit_name} = {make}()

# ---- The agent's own module; nothing in it is changed but where it gets the kit from. ----

{module}


# ---- The end of the agent's own module. ----

if __name__ == "__main__":
    {kit_name}.main(
        Agent,
        "{name}",
{objective}
        request=lambda text: {kit_name}.{request}({field}=text),
    )
'''


def script_of(source: str, *, name: str, objective: str, model: str) -> str:
    """The agent as one Python file that asks it for an idea when it is run.

    It needs ``autogen-agentchat``, ``autogen-ext[openai]`` and OPENAI_API_KEY in the environment; OPENAI_BASE_URL and
    MODEL choose another server and model, an argument another objective.

    Args:
        source: The agent's module; nothing of it is run.
        name: The agent's name.
        objective: What it works on.
        model: The model that it was made with, such as ``openai:gpt-4.1-mini``.

    Raises:
        UsageError: The module cannot be read, has no class ``Agent`` that a request for an idea can be sent to, or
            imports of the sandbox what there is inside alone.
    """
    check_name(name)
    tree = read_module(source)
    scope = Scope.of(tree)
    request = _request(tree, scope, name)
    taken = {*scope.bound, *scope.imported, *(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))}
    kit_name = _free("outside_kit", taken)
    module = without_sandbox(source, tree, kit_name)
    names = sorted({*kit_names(tree, scope), request})
    chosen = outside_model(model, ["openai"])
    notes = (
        f"OPENAI_BASE_URL chooses another server, MODEL another model than {chosen.name}. {chosen.note}",
        "There are no colleagues here: what the agent would show to them, it keeps to itself.",
    )
    return _SCRIPT.format(
        notes="\n".join(f"# {line}" for note in notes for line in textwrap.wrap(note, LINE_LENGTH)),
        make=_free("make_outside_kit", taken),
        kit=textwrap.indent(_kit_text(names, chosen.name), "    "),
        kit_name=kit_name,
        module=module.strip("\n"),
        name=name,
        objective=laid_out(objective[:4_000], "        objective=", ","),
        request=request,
        field=_REQUESTS[request],
    )


def _free(name: str, taken: Iterable[str]) -> str:
    """A name that the module does not use."""
    while name in taken:
        name += "_"
    return name


def _request(tree: ast.Module, scope: Scope, name: str) -> str:
    """The message that asks this agent for an idea."""
    agent = next((one for one in tree.body if isinstance(one, ast.ClassDef) and one.name == "Agent"), None)
    handled: set[str | None] = set()
    for function in agent.body if agent is not None else []:
        if isinstance(function, Function) and len(function.args.args) == 3:
            decorators = (one.func if isinstance(one, ast.Call) else one for one in function.decorator_list)
            annotation = function.args.args[1].annotation
            if annotation is not None and any(scope.resolve(one) in HANDLER_DECORATORS for one in decorators):
                handled |= {scope.resolve(one) for one in ast.walk(annotation)}
    found = next((one for one in _REQUESTS if f"{KIT}.{one}" in handled), None)
    if found is None:
        raise UsageError(
            f"the module of {name!r} has no class Agent with a message handler for {' or '.join(_REQUESTS)}, "
            "so a script could not ask it for an idea"
        )
    return found


def _kit_text(names: list[str], model: str) -> str:
    """The body of the function that makes the kit: imports, definitions, and what it gives to the agent."""
    try:
        parts = inlined([*names, "main"])
    except OnlyInside as problem:
        raise UsageError(f"{problem}; change the module so that it does without") from None
    parts.imports.add(("types", "SimpleNamespace"))
    parts.definitions["MODEL"] = f"MODEL = {literal(model)}"
    given = "".join(f"    {name}={name},\n" for name in [*names, "main"])
    blocks: list[str] = []
    for text in parts.definitions.values():
        if "\n" not in text and blocks and "\n" not in blocks[-1].strip("\n"):
            blocks[-1] += f"\n{text}"
        else:
            blocks.append(text)
    imports = "\n".join(map(_wrapped, parts.import_lines()))
    return "\n\n".join([imports, *blocks, f"return SimpleNamespace(\n{given})"])


def _wrapped(line: str) -> str:
    """An import on as many lines as it needs."""
    if len(line) <= LINE_LENGTH:
        return line
    start, _, names = line.partition(" import ")
    return "\n".join([f"{start} import (", *(f"    {name}," for name in names.split(", ")), ")"])
