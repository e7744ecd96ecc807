"""Write 64 MiB to everything that it has open as an output."""

import os
import sys


async def attack(agent, message, ctx, targets):
    block, taken = b"x" * (1 << 20), 0
    for _ in range(22):
        for descriptor in (0, 1, 2):
            with _contextlib.suppress(OSError):
                taken += os.write(descriptor, block)
    print("y" * (1 << 20), file=sys.stderr)
    print("y" * (1 << 20))
    kept = [number for number in (1, 2) if os.fstat(number).st_mode & 0o170000 == 0o100000]
    return kept and f"{taken} bytes were kept"
