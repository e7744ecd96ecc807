"""Hold memory in shared mappings, which a limit on data does not count, 512 MiB in all."""

import asyncio
import mmap

ALONE = True
EXPECT = "contained|memory limit|signal 9|lost|unresponsive"


async def attack(agent, message, ctx, targets):
    made = []
    for _ in range(32):
        one = mmap.mmap(-1, 16 << 20)
        one.write(b"x" * (16 << 20))
        made.append(one)
        await asyncio.sleep(0.02)
    await asyncio.sleep(2.5)
    return f"{len(made) * 16} MiB"
