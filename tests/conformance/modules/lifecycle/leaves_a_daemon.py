"""Leave a daemon behind: forked twice, in a session of its own, with every descriptor closed."""

import os
import time

ALONE = "outliving"


async def attack(agent, message, ctx, targets):
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, 512)
            while True:
                time.sleep(60)
        os._exit(0)
    os.waitpid(child, 0)
