"""Look at the open files, the root and the working folder of the processes around it, and open them as its own."""

import os

CONTROL = "root"


async def attack(agent, message, ctx, targets):
    found = []
    for pid in relatives(targets):
        names = [f"fd/{number}" for number in attempt(os.listdir, f"/proc/{pid}/fd") or []]
        for name in (*names, "root", "cwd", "exe"):
            target = attempt(os.readlink, f"/proc/{pid}/{name}")
            if target:
                found.append((pid, name, target))
    return found
