"""SOURCE, SYNTAX and LITERAL: the module as a text, and how large its parts are."""

from __future__ import annotations

from typing import Final

from creator.policy.rules.rule import Rule, built, part
from creator.policy.sizes import MAX_DIGITS, MAX_ELEMENTS, MAX_LENGTH
from creator.policy.source import MAX_SOURCE_BYTES

SOURCE_RULES: Final = (
    Rule(
        id="SOURCE001",
        summary=f"the module has at most {MAX_SOURCE_BYTES:,} bytes",
        reason="Reading, parsing and showing a module takes time and memory; one of megabytes would stop the run that "
        "checks it.",
        refused=built(f"# a module with {MAX_SOURCE_BYTES:,} bytes of comments", "#\n" * (MAX_SOURCE_BYTES // 2)),
        passes=built(f"# a module with {MAX_SOURCE_BYTES // 2:,} bytes of comments", "#\n" * (MAX_SOURCE_BYTES // 4)),
    ),
    Rule(
        id="SOURCE002",
        summary="the module is UTF-8 and declares no other encoding",
        reason="In another encoding, Python would run another text than the one that was checked and reviewed.",
        refused=built("# a comment in Latin-1, with the byte 0xE9", b"# caf\xe9\n"),
        passes=built("# a comment in UTF-8, with the bytes 0xC3 0xA9", b"# caf\xc3\xa9\n"),
    ),
    Rule(
        id="SOURCE003",
        summary="no null bytes, control characters or marks of reading direction",
        reason="They let code look like a text or a comment, so that a reviewer sees something else than Python does.",
        refused=built("# a text that holds the character U+202E itself", "MARK = '\u202e'\n"),
        passes=part(r"""
            MARK = "\u202e"
        """),
    ),
    Rule(
        id="SOURCE004",
        summary="nesting, length of lines and number of syntax nodes are bounded",
        reason="Deep nesting and very long lines make Python's own parser slow, or end the process that runs it.",
        refused=part(f"DEEP = {'[' * 41}\n{']' * 41}"),
        passes=part(f"DEEP = {'[' * 4}\n{']' * 4}"),
    ),
    Rule(
        id="SYNTAX001",
        summary="the module is valid Python",
        reason="What cannot be parsed cannot be checked, and would fail when the agent is born.",
        refused=part("""
            def price(cost)
                return cost * 2
        """),
        passes=part("""
            def price(cost):
                return cost * 2
        """),
    ),
    Rule(
        id="LITERAL001",
        summary=f"at most {MAX_LENGTH:,} characters, {MAX_DIGITS} digits, {MAX_ELEMENTS:,} elements",
        reason="A short expression such as 'x' * 10**9 or 1 << 10**9 takes all memory of a cell, and 10 ** 10**9 all "
        "of its time. Literals, and products, powers, shifts, ranges and widths of literals are bounded everywhere.",
        refused=part("""
            def pad(text):
                return text + " " * 10**9
        """),
        passes=part("""
            def pad(text):
                return text + " " * 10**3
        """),
    ),
)
