"""Fail with an error text of three megabytes."""

ANSWERS = True
EXPECT = "^it raised RuntimeError: x{100,600}.?$"


async def attack(agent, message, ctx, targets):
    raise RuntimeError("x" * 3_000_000)
