"""Cancel every task of its process and stop the event loop."""

import asyncio

EXPECT = "cancelled|process ended|lost|exit|went away|unresponsive|contained"


async def attack(agent, message, ctx, targets):
    for task in asyncio.all_tasks():
        task.cancel()
    asyncio.get_running_loop().stop()
    await asyncio.sleep(3_600)
