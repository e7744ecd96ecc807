"""Hold more and more memory, up to 1 GiB."""

import asyncio

ALONE = True
CERTAIN = False
EXPECT = "contained|memory limit|signal 9|unresponsive|lost"


async def attack(agent, message, ctx, targets):
    hoard = []
    for _ in range(64):
        hoard.append(b"x" * (16 << 20))
        await asyncio.sleep(0.01)
    return f"{len(hoard) * 16} MiB"
