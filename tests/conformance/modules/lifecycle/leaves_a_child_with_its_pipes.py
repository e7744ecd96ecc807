"""End, but leave a child that holds every descriptor open, so that nobody notices the end."""

import os
import time

ALONE = "outliving"
EXPECT = "exit code 6|contained|went away|did not answer"


async def attack(agent, message, ctx, targets):
    child = os.fork()
    if child == 0:
        os.setsid()
        while True:
            time.sleep(60)
    os._exit(6)
