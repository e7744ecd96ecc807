"""Fail with a reason of megabytes, of several lines, with control characters."""

WHEN = "constructor"
ANSWERS = True
EXPECT = "^RuntimeError: no.{0,2000}$"


async def attack(agent, message, ctx, targets):
    raise RuntimeError("no\r\nreason \x1b[2J\u202e " + "x" * 3_000_000)
