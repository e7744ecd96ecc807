"""End the process when it is asked for an idea."""

import os

EXPECT = "^its process ended: exit code 3$|went away before it answered"


async def attack(agent, message, ctx, targets):
    os._exit(3)
