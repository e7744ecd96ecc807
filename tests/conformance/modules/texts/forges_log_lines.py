"""Fail with a text that looks like several lines of the program's own, in its colours."""

ANSWERS = True
EXPECT = "^it raised RuntimeError: harmless"


async def attack(agent, message, ctx, targets):
    raise RuntimeError("harmless\r\n\x1b[2K\x1b[32mhonest_ada: live\x1b[0m\u2028done: 100 of 100 ideas\x85\x0b\x0c\x1c")
