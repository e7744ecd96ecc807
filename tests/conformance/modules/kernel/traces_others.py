"""Attach to the processes around it as a debugger, and let go of them again."""

import os

CONTROL = "root"


async def attack(agent, message, ctx, targets):
    seize, interrupt, detach, any_kind, found = 0x4206, 0x4207, 17, 0x40000000, []
    for pid in relatives(targets):
        if pid != targets["test_pid"] and attempt(syscall, 101, seize, pid, 0, 0) == 0:
            found.append(pid)
            attempt(syscall, 101, interrupt, pid, 0, 0)
            attempt(os.waitpid, pid, any_kind)  # only one that has stopped can be let go
            attempt(syscall, 101, detach, pid, 0, 0)
    return found
