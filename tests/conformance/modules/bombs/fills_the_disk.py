"""Fill the disk with temporary files, up to 192 MiB, and keep them while others are born."""

import asyncio
import os
import tempfile

ALONE = True
EXPECT = "contained|lost|signal"


async def attack(agent, message, ctx, targets):
    size, folder = 0, tempfile.mkdtemp(prefix=targets["mark"])
    with _contextlib.suppress(OSError):
        for number in range(24):
            with open(os.path.join(folder, str(number)), "wb", buffering=0) as file:
                written = file.write(b"x" * (8 << 20))
                size += written
                if written < 8 << 20:
                    break
            await asyncio.sleep(0)
    NOTES.append(f"{size >> 20} MiB")
    return f"{size >> 20} MiB" if size >= 192 << 20 else None
