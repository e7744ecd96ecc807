"""Let its own interpreter crash by endless recursion in C."""

import sys

EXPECT = "signal 11|signal 6|RecursionError|contained|signal 4"


async def attack(agent, message, ctx, targets):
    sys.setrecursionlimit(10**9)
    nested = []
    for _ in range(10**6):
        nested = [nested]
    repr(nested)
