"""The handlers that an adopted agent gets: they ask its own handler of texts, and make an idea of its answer."""

from __future__ import annotations

import ast
from typing import Final

import libcst as cst

from creator.adopting.plan import Plan

_ANSWERS: Final = {
    "introduce": ("Hello", "Introduction", 'kit.Introduction(name=self.id.type, sector="unknown", skills=[])', None),
    "propose": (
        "ProposeRequest",
        "Proposal",
        "kit.Proposal(idea=await kit.structure(self, reply.content, ctx))",
        "kit.proposal_task(message)",
    ),
    "refine": (
        "RefineRequest",
        "Refinement",
        "kit.Refinement(idea=await kit.structure(self, reply.content, ctx))",
        "kit.refinement_task(message)",
    ),
}
"""By name: what the handler takes, what it gives, its answer, and the task that it puts to the agent's own handler."""


def answers(plan: Plan, decorator: str, context: str, config: cst.PartialParserConfig) -> list[cst.BaseStatement]:
    """The handlers that the agent lacks; without a handler of texts of its own it can introduce itself only.

    Args:
        plan: What is known of the module.
        decorator: How the module writes ``message_handler``.
        context: How it writes ``MessageContext``.
        config: How it is indented.
    """
    # Of several handlers AutoGen takes the first by name.
    own = min((one.name for one in plan.texts), default=None)
    taken = {name for node in ast.walk(plan.agent) for name in _members(node)}
    made: list[cst.BaseStatement] = []
    for name, (takes, gives, answer, task) in _ANSWERS.items():
        if task is not None and own is None:
            continue
        while name in taken:
            name += "_"  # noqa: PLW2901
        lines = [
            f"@{decorator}",
            f"async def {name}(self, message: kit.{takes}, ctx: {context}) -> kit.{gives}:",
        ]
        if task is not None:
            lines.append(f"    reply = await self.{own}(kit.Text(content={task}), ctx)")
        lines.append(f"    return {answer}")
        handler = cst.parse_statement("\n".join([*lines, ""]), config)
        made.append(handler.with_changes(leading_lines=[cst.EmptyLine(indent=False)]))
    return made


def _members(node: ast.AST) -> list[str]:
    """The name that one node of a class gives to something of it, if it does."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return [node.name]
    if isinstance(node, ast.Attribute):
        return [node.attr]
    return [node.id] if isinstance(node, ast.Name) else []
