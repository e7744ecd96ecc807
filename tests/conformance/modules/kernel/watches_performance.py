"""Open a performance counter, a way to watch others and into the kernel."""

import ctypes

CONTROL = "root"


async def attack(agent, message, ctx, targets):
    attributes = (ctypes.c_uint32 * 32)(1, 128, 1)  # software, this size, the task clock
    attributes[10] = 1 << 0 | 1 << 5 | 1 << 6  # disabled, without the kernel
    found = []
    for pid in (0, *relatives(targets)):
        descriptor = attempt(syscall, 298, ctypes.addressof(attributes), pid, -1, -1, 0)
        if descriptor is not None:
            found.append((pid, descriptor))
    return found
