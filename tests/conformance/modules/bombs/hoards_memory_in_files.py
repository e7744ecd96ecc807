"""Hold memory that counts as nobody's: files without a name, each within the limit of a file, 512 MiB in all."""

import asyncio
import os

ALONE = True
EXPECT = "contained|memory limit|signal 9|lost"


async def attack(agent, message, ctx, targets):
    made, block, size = [], b"x" * (8 << 20), 0
    try:
        for number in range(64):
            descriptor = os.memfd_create(f"hoard{number}")
            made.append(descriptor)
            size += os.write(descriptor, block)
            await asyncio.sleep(0.02)
        await asyncio.sleep(2.5)  # whoever looks now and then had time to look
        return f"{size >> 20} MiB"
    finally:
        for descriptor in made:
            os.close(descriptor)
