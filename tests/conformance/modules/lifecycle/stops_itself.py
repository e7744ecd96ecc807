"""Stop the own process without ending it."""

import os
import signal

ALONE = "silent ones"
EXPECT = "unresponsive|contained|went away"


async def attack(agent, message, ctx, targets):
    os.kill(os.getpid(), signal.SIGSTOP)
