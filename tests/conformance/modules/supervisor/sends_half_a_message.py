"""Announce a long message to the supervisor and never send it, so that it waits for ever."""

import os
import struct

WHEN = "import"
ALONE = True
EXPECT = "not registered within|failed|raised|contained|no report|unreadable|report"


async def attack(agent, message, ctx, targets):
    import time

    for number in reports():
        with _contextlib.suppress(OSError):
            os.write(number, struct.pack("!i", 100_000) + b"half")
    time.sleep(3_600)
