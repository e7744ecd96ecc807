"""Start processes without end; the test stops at 150 of them, for the sake of its machine."""

import os
import time

ALONE = True
EXPECT = "contained|process ended|lost|did not answer"


async def attack(agent, message, ctx, targets):
    children = []
    with _contextlib.suppress(OSError):
        for _ in range(150):
            child = os.fork()
            if child == 0:
                time.sleep(600)
                os._exit(0)
            children.append(child)
    return f"{len(children)} processes" if len(children) >= 150 else None
