"""End the process while the agent is made, as if all had gone well."""

import os

WHEN = "constructor"
EXPECT = "^exit code 0$"


async def attack(agent, message, ctx, targets):
    os._exit(0)
