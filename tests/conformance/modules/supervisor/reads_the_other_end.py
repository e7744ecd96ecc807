"""Read from the pipes that it has, for what is meant for the supervisor or for colleagues."""

import os


async def attack(agent, message, ctx, targets):
    found = []
    for number, target in descriptors().items():
        if target.startswith("pipe:"):
            with _contextlib.suppress(OSError):
                copy = os.open(f"/proc/self/fd/{number}", os.O_RDONLY | os.O_NONBLOCK)
                data = os.read(copy, 4_096)
                os.close(copy)
                if data.strip(b".\n"):
                    found.append((number, data[:100]))
    return found
