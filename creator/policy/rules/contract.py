"""CLASS: what the sandbox and AutoGen's runtime need of a module."""

from __future__ import annotations

from typing import Final

from creator.policy.rules.rule import Example, Rule, agent

_CODE: Final = """\
class Agent(RoutedAgent):
    def __init__(self, name: str) -> None:
        super().__init__("Knows bakeries")

    @message_handler
    async def greet(
        self, message: kit.Hello, ctx: MessageContext
    ) -> kit.Introduction:
        return kit.Introduction(name="Ada", sector="bakeries", skills=[])
"""


def _with(old: str, new: str) -> Example:
    """The class with one thing changed."""
    assert old in _CODE
    return agent(_CODE.replace(old, new))


CONTRACT_RULES: Final = (
    Rule(
        id="CLASS001",
        summary="exactly one class Agent, at the top level",
        reason="The cell makes the agent of the class with this name, and of nothing else.",
        refused=_with("class Agent", "class Baker"),
        passes=agent(_CODE),
    ),
    Rule(
        id="CLASS002",
        summary="Agent derives from RoutedAgent and from nothing else",
        reason="The runtime delivers messages to a RoutedAgent; a second base or a decorator could replace its parts.",
        refused=_with("Agent(RoutedAgent)", "Agent(RoutedAgent, Exception)"),
        passes=agent(_CODE),
    ),
    Rule(
        id="CLASS003",
        summary="Agent has __init__(self, name), which calls super().__init__",
        reason="The cell calls Agent(name); without the call of super() AutoGen finds neither handlers nor "
        "description, and the first message fails.",
        refused=_with("self, name: str", "self, name: str, mood: str"),
        passes=agent(_CODE),
    ),
    Rule(
        id="CLASS004",
        summary="Agent has at least one message handler",
        reason="An agent without a handler is born and answers nobody.",
        refused=_with("    @message_handler\n", ""),
        passes=agent(_CODE),
    ),
    Rule(
        id="CLASS005",
        summary="a handler is async and its parameters are self, message, ctx",
        reason="AutoGen looks a handler's types up by exactly these names, and awaits what it returns.",
        refused=_with("message: kit.Hello", "hello: kit.Hello"),
        passes=agent(_CODE),
    ),
    Rule(
        id="CLASS006",
        summary="a handler's message, ctx and return value are annotated",
        reason="AutoGen routes a message by the annotation, and refuses the class without one.",
        refused=_with(" -> kit.Introduction:", ":"),
        passes=agent(_CODE),
    ),
)
