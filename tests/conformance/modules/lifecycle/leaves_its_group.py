"""Leave the supervisor's group, session and fate, so that it lives on after the run."""

import asyncio
import os
import signal

ALONE = "outliving"
EXPECT = "contained|did not answer|stopped at its deadline"


async def attack(agent, message, ctx, targets):
    libc.prctl(1, 0, 0, 0, 0)  # no signal when the parent dies
    libc.prctl(4, 1, 0, 0, 0)
    libc.prctl(36, 1, 0, 0, 0)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    attempt(os.setsid)

    def for_ever():
        import time

        while True:
            time.sleep(60)

    import threading

    for _ in range(2):
        threading.Thread(target=for_ever).start()
    await asyncio.sleep(0)
