"""Wait for ever when it is greeted."""

import asyncio

ALONE = "silent ones"
WHEN = "hello"
EXPECT = "Hello"


async def attack(agent, message, ctx, targets):
    await asyncio.sleep(3_600)
