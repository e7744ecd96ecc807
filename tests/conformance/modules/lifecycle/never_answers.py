"""Wait for ever, with every signal ignored that can be."""

import asyncio
import signal

ALONE = "silent ones"
EXPECT = "did not answer|stopped at its deadline|no answer|DeadlineExceeded"


async def attack(agent, message, ctx, targets):
    for number in signal.valid_signals():
        with _contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)
    while True:
        try:
            await asyncio.sleep(3_600)
        except asyncio.CancelledError:
            asyncio.current_task().uncancel()
