"""Change the priority, the processors and the limits of the processes around it, to what they are already."""

import os
import resource

CONTROL = True


async def attack(agent, message, ctx, targets):
    found = []
    for pid in relatives(targets):
        limit = attempt(resource.prlimit, pid, resource.RLIMIT_NOFILE)
        if limit and attempt(resource.prlimit, pid, resource.RLIMIT_NOFILE, limit):
            found.append((pid, "limits"))
        for what, get, change in (
            ("priority", lambda p: os.getpriority(os.PRIO_PROCESS, p), lambda p, v: os.setpriority(os.PRIO_PROCESS, p, v)),
            ("processors", os.sched_getaffinity, os.sched_setaffinity),
        ):
            with _contextlib.suppress(OSError):
                change(pid, get(pid))
                found.append((pid, what))
    return found
