"""IMPORT and NAME: where names come from, and which may be used."""

from __future__ import annotations

from typing import Final

from creator.policy.rules.rule import Rule, part

IMPORT_RULES: Final = (
    Rule(
        id="IMPORT001",
        summary="only modules of the allowlist are imported",
        reason="An agent needs no file, process, thread, socket or foreign code: it reaches others through sandbox.kit "
        "and AutoGen. A list of what is allowed cannot forget a dangerous module; a list of what is forbidden does.",
        refused=part("""
            import subprocess
        """),
        passes=part("""
            import statistics
        """),
    ),
    Rule(
        id="IMPORT002",
        summary="only listed names of a module are imported or used",
        reason="Harmless modules hold others: json.codecs leads to files, asyncio starts processes.",
        refused=part("""
            import asyncio

            async def run():
                await asyncio.create_subprocess_shell("id")
        """),
        passes=part("""
            import asyncio

            async def run():
                await asyncio.sleep(1)
        """),
    ),
    Rule(
        id="IMPORT003",
        summary="no relative and no star imports",
        reason="A relative import reaches the modules beside this one, and a star hides which names come in.",
        refused=part("""
            from math import *
        """),
        passes=part("""
            from math import floor, sqrt
        """),
    ),
    Rule(
        id="IMPORT004",
        summary="imports stand at the top level",
        reason="A reviewer reads there what a module reaches, and a failing import shows when the agent is born.",
        refused=part("""
            def area(radius):
                import math

                return math.pi * radius**2
        """),
        passes=part("""
            import math

            def area(radius):
                return math.pi * radius**2
        """),
    ),
    Rule(
        id="IMPORT005",
        summary="what is imported is used as module.name and never changed",
        reason="A module that is passed around escapes the check of its names, and a changed one deceives its users.",
        refused=part("""
            def tools():
                return [kit]
        """),
        passes=part("""
            def tools():
                return [kit.chance, kit.share]
        """),
    ),
    Rule(
        id="NAME001",
        summary="only listed builtins are used",
        reason="eval, exec, compile, __import__, open, globals, vars and input run other code, open files or read "
        "what the interpreter keeps for itself.",
        refused=part("""
            def total(text):
                return eval(text)
        """),
        passes=part("""
            def total(text):
                return sum(float(part) for part in text.split())
        """),
    ),
    Rule(
        id="NAME002",
        summary="identifiers are ASCII",
        reason="Letters of other scripts look like Latin ones, and Python takes some of them for the same: a reviewer "
        "cannot tell which name is meant.",
        refused=part("""
            def double(pr\u0456ce):  # with a Cyrillic i
                return 2
        """),
        passes=part("""
            def double(price):
                return 2  # "prix", "Preis", "\u0446\u0435\u043d\u0430": texts and comments are free
        """),
    ),
    Rule(
        id="NAME003",
        summary="imported names, self and cls are not bound again",
        reason="The policy judges a name by what it was imported as; bound again, it would stand for something else.",
        refused=part("""
            def choose(options):
                kit = options[0]
        """),
        passes=part("""
            def choose(options):
                first = options[0]
        """),
    ),
    Rule(
        id="NAME004",
        summary="no global statement",
        reason="State at module level is shared by every agent that is made of the module, and it is lost unseen when "
        "a cell starts anew.",
        refused=part("""
            COUNT = 0

            def count():
                global COUNT
        """),
        passes=part("""
            class Counter:
                def __init__(self):
                    self.count = 0
        """),
    ),
)
