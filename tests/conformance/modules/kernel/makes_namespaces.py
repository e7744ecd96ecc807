"""Make namespaces of its own, in which it would be root: users, network, mounts, processes."""

import os

CONTROL = "root"
NAMES = {"user": 0x10000000, "net": 0x40000000, "mnt": 0x20000, "pid": 0x20000000, "ipc": 0x8000000, "uts": 0x4000000}


async def attack(agent, message, ctx, targets):
    found = []
    for name, flag in NAMES.items():
        # A thread more and the kernel refuses a user namespace, so a child of one thread tries it.
        child = attempt(os.fork)
        if child == 0:
            os._exit(0 if libc.unshare(flag) == 0 or libc.unshare(flag | NAMES["user"]) == 0 else 1)
        if child is not None and os.waitpid(child, 0)[1] == 0:
            found.append(name)
        if child is None and attempt(syscall, 272, flag) == 0:
            found.append(name)
    return found
