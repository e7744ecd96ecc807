"""End the process when it is greeted."""

import os

WHEN = "hello"
EXPECT = "^its process ended: exit code 9$|went away before it answered"


async def attack(agent, message, ctx, targets):
    os._exit(9)
