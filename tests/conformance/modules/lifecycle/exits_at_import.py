"""End the process while it is imported."""

import os

WHEN = "import"
EXPECT = "^exit code 7$"


async def attack(agent, message, ctx, targets):
    os._exit(7)
