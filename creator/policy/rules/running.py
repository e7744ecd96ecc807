"""TOP, TYPE and FLOW: what runs when a module is imported, and what would never end."""

from __future__ import annotations

from typing import Final

from creator.policy.rules.rule import Rule, part

RUNNING_RULES: Final = (
    Rule(
        id="TOP001",
        summary="only imports, definitions and constant assignments at import time",
        reason="A module is imported before its agent has a name, a deadline or a budget; work belongs into methods.",
        refused=part("""
            for number in range(3):
                print(number)
        """),
        passes=part("""
            NUMBERS = (0, 1, 2)
        """),
    ),
    Rule(
        id="TOP002",
        summary="values, defaults, decorators, bases are constant at import time",
        reason="Defaults, decorators, base classes, enumerations and pydantic's options run at import, although they "
        "look like declarations.",
        refused=part("""
            def roll():
                return 6

            def move(steps=roll()):
                return steps
        """),
        passes=part("""
            def roll():
                return 6

            def move(steps=6):
                return steps
        """),
    ),
    Rule(
        id="TOP003",
        summary="classes are defined at the top level or in other classes",
        reason="What making a class runs is checked where it happens once; in a function it happens with any values.",
        refused=part("""
            def note(text):
                class Note:
                    body = text

                return Note()
        """),
        passes=part("""
            class Note:
                def __init__(self, text):
                    self.body = text
        """),
    ),
    Rule(
        id="TYPE001",
        summary="annotations name types, imported or the module's own, unquoted",
        reason="typing, pydantic and AutoGen evaluate a text that they find in place of a type, as if by eval.",
        refused=part("""
            def score(idea: "kit.Idea") -> float:
                return 0.5
        """),
        passes=part("""
            def score(idea: kit.Idea) -> float:
                return 0.5
        """),
    ),
    Rule(
        id="FLOW001",
        summary="an endless loop awaits",
        reason="Agents take turns by awaiting. A loop that never does keeps its cell busy, and deaf to every message.",
        refused=part("""
            async def think(step):
                while True:
                    step()
        """),
        passes=part("""
            async def think(step):
                while True:
                    await step()
        """),
    ),
    Rule(
        id="FLOW002",
        summary="nothing catches or raises what ends the process",
        reason="A bare except and BaseException swallow the request to stop, and SystemExit ends every agent of the "
        "cell.",
        refused=part("""
            def parse(text):
                try:
                    return float(text)
                except:
                    return 0.0
        """),
        passes=part("""
            def parse(text):
                try:
                    return float(text)
                except ValueError:
                    return 0.0
        """),
    ),
)
