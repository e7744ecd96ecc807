"""Find out whether it may send signals to its siblings, its parent, the supervisor and the test (none is sent)."""

import os

CONTROL = True


async def attack(agent, message, ctx, targets):
    found = [pid for pid in relatives(targets) if attempt(lambda pid=pid: os.kill(pid, 0) or True)]
    return found
