"""Send no signal, but by the newer ways: a descriptor of a process, a thread's id, a queued signal."""

import ctypes
import os

CONTROL = True


async def attack(agent, message, ctx, targets):
    found = []
    information = ctypes.create_string_buffer(128)
    for pid in relatives(targets):
        descriptor = attempt(syscall, 434, pid, 0)
        if descriptor is not None:
            if attempt(syscall, 424, descriptor, 0, 0, 0) == 0:
                found.append((pid, "pidfd"))
            os.close(descriptor)
        if attempt(syscall, 234, pid, pid, 0) == 0:
            found.append((pid, "tgkill"))
        if attempt(syscall, 129, pid, 0, ctypes.addressof(information)) == 0:
            found.append((pid, "queue"))
    return found
