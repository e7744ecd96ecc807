"""Leave tasks pending without end."""

import asyncio

ALONE = True
EXPECT = "contained|memory limit|unresponsive|signal|exit|did not answer"


async def attack(agent, message, ctx, targets):
    tasks = []
    for number in range(1_000_000):
        tasks.append(asyncio.create_task(asyncio.sleep(3_600)))
        if number % 1_000 == 0:
            await asyncio.sleep(0)
    return f"{len(tasks)} tasks"
